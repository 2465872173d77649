package io.exeat.credential;

import io.exeat.base.LeaseId;
import io.exeat.base.SecretBytes;
import java.time.Instant;

/**
 * What Vault lent.
 *
 * @param lease as {@link Held}'s
 * @param principal who it is at the target: the database role's name, the certificate's serial
 *     number, the service account's user name
 * @param secret the password or token, in UTF-8; or the PEM of a private key (PKCS #8), its
 *     certificate and the issuers', in this order; or a private key of OpenSSH's and the line of
 *     its certificate
 * @param expiresAt when it dies unless renewed
 */
public record Lent(LeaseId lease, String principal, SecretBytes secret, Instant expiresAt) {}
