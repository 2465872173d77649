package io.exeat.revoke;

import io.exeat.base.CredentialId;
import io.exeat.base.Epoch;
import io.spiffe.spiffeid.SpiffeId;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/**
 * What is stated, and signed, of something that was lent and has ended. No secret and no handle is
 * in it: handles are {@link SaltedHash}es.
 *
 * @param agent to whose task it was lent
 * @param cause why it ended: an {@code EndCause}'s name, or {@code SCOPE_CHANGED}, {@code
 *     EPOCH_REPLACED}, {@code RELEASED}, {@code NOT_RECORDED}
 * @param askedAt when its end was asked for
 */
public record Receipt(
    Epoch epoch, SpiffeId agent, Ended what, String cause, Instant askedAt, Outcome outcome) {

  /** What has ended. */
  public sealed interface Ended {}

  /**
   * One credential.
   *
   * @param kind what was lent
   * @param principal who it was at the target
   * @param lease of Vault's lease ID
   * @param expiresAt when it would have died by itself
   */
  public record Credential(
      CredentialId id,
      Kind kind,
      String grant,
      String target,
      String principal,
      SaltedHash lease,
      Instant issuedAt,
      Instant expiresAt)
      implements Ended {}

  /**
   * A whole epoch: its Vault token, and whatever was lent under it, known or not.
   *
   * @param token of the token's accessor; empty when it never had one, or its answer was lost
   * @param targets where something could have come to exist, and was looked for
   */
  public record WholeEpoch(Optional<SaltedHash> token, List<String> targets) implements Ended {
    public WholeEpoch {
      targets = List.copyOf(targets);
    }
  }

  /** What was lent; says whether it can be taken back at all. */
  public enum Kind {
    /** A role in a PostgreSQL database. */
    POSTGRES_ROLE,
    /** A certificate; its principal is its serial number. */
    CERTIFICATE,
    /** A certificate for SSH, which nobody can take back; its principal is its serial number. */
    SSH_CERTIFICATE,
    /** A service account at Kubernetes; its principal is its user name there. */
    SERVICE_ACCOUNT
  }

  /** What became of it. */
  public sealed interface Outcome {}

  /**
   * Taken back, and seen dead at its target.
   *
   * @param confirmedAt when Vault had said that the token and the leases are ended
   * @param deadAt when the last look found nothing alive
   * @param checks what was looked at, and what was seen there
   */
  public record Dead(Instant confirmedAt, Instant deadAt, List<String> checks) implements Outcome {
    public Dead {
      checks = List.copyOf(checks);
    }
  }

  /**
   * A kind that nobody can take back: it worked until it ended by itself.
   *
   * @param why what makes it so, and what was seen
   */
  public record CannotBeRecalled(Instant endsAt, String why) implements Outcome {}
}
