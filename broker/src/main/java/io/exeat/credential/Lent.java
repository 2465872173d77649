package io.exeat.credential;

import io.exeat.base.LeaseId;
import io.exeat.base.SecretBytes;
import java.time.Instant;

/**
 * What Vault lent.
 *
 * @param principal who it is at the target: the database role's name
 * @param secret the password, in UTF-8
 * @param expiresAt when it dies unless renewed
 */
public record Lent(LeaseId lease, String principal, SecretBytes secret, Instant expiresAt) {}
