package io.exeat.credential;

import io.exeat.base.CredentialId;
import io.exeat.base.Epoch;
import io.exeat.base.LeaseId;
import io.exeat.task.Grant;
import java.time.Instant;
import java.util.Optional;

/**
 * A credential as it stood at one moment, without its secret.
 *
 * @param lease what ends it; of what cannot be taken back, who signed it and its serial number
 * @param deadAt when it was seen dead at its target; set in REVOKED
 */
public record Held(
    CredentialId id,
    Epoch epoch,
    String grant,
    String target,
    LeaseId lease,
    String principal,
    Kind kind,
    State state,
    Instant issuedAt,
    Instant expiresAt,
    Optional<Instant> deadAt) {
  /** The same at a later moment. */
  public Held as(State now, Instant expires, Optional<Instant> dead) {
    return new Held(id, epoch, grant, target, lease, principal, kind, now, issuedAt, expires, dead);
  }

  /** What was lent. */
  public enum Kind {
    /** A role in a PostgreSQL database. */
    POSTGRES_ROLE(true, true),
    /** A certificate of Vault's PKI engine; its principal is its serial number. */
    CERTIFICATE(false, true),
    /** A certificate of Vault's SSH engine; its principal is its serial number. */
    SSH_CERTIFICATE(false, false),
    /**
     * A service account at Kubernetes; its principal is its user name there, {@code
     * system:serviceaccount:<namespace>:<name>}. Its token is not renewed.
     */
    SERVICE_ACCOUNT(false, true);

    private final boolean renewed;
    private final boolean recalled;

    Kind(boolean renewed, boolean recalled) {
      this.renewed = renewed;
      this.recalled = recalled;
    }

    /** Whether it lives on when its lease is renewed; else it ends when it said at first. */
    public boolean isRenewed() {
      return renewed;
    }

    /**
     * Whether it can be taken back. What cannot works until it has ended by itself, and Vault has
     * no lease of it.
     */
    public boolean isRecalled() {
      return recalled;
    }

    /**
     * What a grant lends.
     *
     * @throws IllegalArgumentException for one that lends nothing
     */
    public static Kind of(Grant grant) {
      return switch (grant.kind()) {
        case Grant.Kind.Postgres _ -> POSTGRES_ROLE;
        case Grant.Kind.Certificate _ -> CERTIFICATE;
        case Grant.Kind.SshCertificate _ -> SSH_CERTIFICATE;
        case Grant.Kind.ServiceAccount _ -> SERVICE_ACCOUNT;
        case Grant.Kind.Nothing _ ->
            throw new IllegalArgumentException(grant.name() + " lends nothing");
      };
    }
  }

  /** Only ever forward. */
  public enum State {
    ACTIVE,
    REVOKING,
    REVOKED
  }
}
