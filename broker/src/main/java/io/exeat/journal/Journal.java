package io.exeat.journal;

import io.exeat.base.Accessor;
import io.exeat.base.CredentialId;
import io.exeat.base.Epoch;
import io.exeat.credential.Held;
import io.spiffe.spiffeid.SpiffeId;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * What is outstanding, so that no crash forgets it. Each method returns once its fact is durable (fsync);
 * calls from several threads share one fsync.
 *
 * <p>Every method throws {@link io.exeat.base.FaultException} Unavailable JOURNAL when the fact could not be
 * made durable. After a failed fsync the journal refuses everything that adds, for good: the page cache may
 * hold what the disk does not.
 *
 * <p>An epoch is written down before its token exists, and its token's accessor before anything is issued
 * under it: whatever is lost in between is a descendant of a journalled session.
 */
public interface Journal extends AutoCloseable {
  /** A token of the broker's own, before it has children. */
  void session(Accessor session);

  /** The session is dead in Vault, and with it all its descendants. */
  void sessionEnded(Accessor session);

  /**
   * The epoch is about to get a token.
   *
   * @param targets where credentials of it could come to exist
   */
  void intend(Epoch epoch, SpiffeId agent, Set<String> targets);

  /** The epoch's token. */
  void bind(Epoch epoch, Accessor token);

  /** A credential of the epoch; before the agent has it. */
  void lent(Held credential);

  /** The epoch is to be ended; nothing is lent under it any more. */
  void ending(Epoch epoch, String cause);

  /** One credential is proven dead. */
  void dead(CredentialId credential, Instant at);

  /** Everything of the epoch is proven dead: it is forgotten. */
  void settled(Epoch epoch);

  /** What is written down and not settled, oldest first. */
  List<Outstanding> outstanding();

  /** The sessions not ended, oldest first. */
  List<Accessor> sessions();

  @Override
  void close();

  /**
   * One epoch that is not settled.
   *
   * @param token empty when the broker stopped between intention and answer
   * @param cause set when its end was asked for
   */
  record Outstanding(
      Epoch epoch,
      SpiffeId agent,
      Set<String> targets,
      Optional<Accessor> token,
      List<Held> credentials,
      Optional<String> cause) {
    public Outstanding {
      targets = Set.copyOf(targets);
      credentials = List.copyOf(credentials);
    }
  }
}
