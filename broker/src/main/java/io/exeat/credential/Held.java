package io.exeat.credential;

import io.exeat.base.CredentialId;
import io.exeat.base.Epoch;
import io.exeat.base.LeaseId;
import java.time.Instant;
import java.util.Optional;

/**
 * A credential as it stood at one moment, without its secret.
 *
 * @param deadAt when it was seen dead at its target; set in REVOKED
 */
public record Held(
    CredentialId id,
    Epoch epoch,
    String grant,
    String target,
    LeaseId lease,
    String principal,
    State state,
    Instant issuedAt,
    Instant expiresAt,
    Optional<Instant> deadAt) {
  /** Only ever forward. */
  public enum State {
    ACTIVE,
    REVOKING,
    REVOKED
  }
}
