package io.exeat.journal;

import io.exeat.base.Accessor;
import io.exeat.base.CredentialId;
import io.exeat.base.Durable;
import io.exeat.base.Epoch;
import io.exeat.credential.Held;
import io.spiffe.spiffeid.SpiffeId;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * What is outstanding, so that no crash forgets it. A fact is durable (fsync) when its method
 * returns, or the {@link Durable} that it returned has been awaited; calls from several threads
 * share one fsync. Repeating a fact changes nothing.
 *
 * <p>Facts that add ({@link #session}, {@link #intend}, {@link #bind}, {@link #lent}) throw {@link
 * io.exeat.base.FaultException} Unavailable JOURNAL, at the call or when awaited, when they could
 * not be made durable: nothing that rests on them must happen. That includes facts: an epoch's
 * others are told once its intention is durable. After a failed write or fsync they are refused for
 * good, because the page cache may hold what the disk does not; on a full disk, until there is room
 * again.
 *
 * <p>Facts that end ({@link #sessionEnded}, {@link #ending}, {@link #dead}, {@link #settled}) never
 * throw: room on disk is kept for them, and when that is used up or the disk fails they hold in
 * memory for as long as the broker runs. A crash that loses one makes the next start end again what
 * has ended already, which is harmless.
 *
 * <p>An epoch and its token's accessor are durable before anything is issued under it: whatever
 * token is lost before that has nothing and is a descendant of a journalled session.
 */
public interface Journal extends AutoCloseable {
  /** A token of the broker's own, before it has children. */
  void session(Accessor session);

  /** The session is dead in Vault, and with it all its descendants. */
  void sessionEnded(Accessor session);

  /**
   * The epoch is about to get a token. Durable before anything is issued under that.
   *
   * @param targets where credentials of it could come to exist
   */
  Durable intend(Epoch epoch, SpiffeId agent, Set<String> targets);

  /**
   * The epoch's token.
   *
   * @throws IllegalStateException when the epoch is not written down: a defect of the caller's
   */
  Durable bind(Epoch epoch, Accessor token);

  /**
   * A credential of its epoch; before the agent has it. Taken down even when the epoch is ending:
   * what exists must be known.
   *
   * @throws IllegalStateException when the epoch is not written down: a defect of the caller's
   */
  Durable lent(Held credential);

  /** The epoch is to be ended; nothing is lent under it any more. The first cause stays. */
  void ending(Epoch epoch, String cause);

  /** One credential is proven dead. */
  void dead(CredentialId credential, Instant at);

  /** Everything of the epoch is proven dead: it is forgotten. */
  void settled(Epoch epoch);

  /**
   * The agent is stopped. The first kill stays until {@link #restored}. Never throws, as an ending.
   */
  void killed(Kill kill);

  /**
   * The agent is stopped no more.
   *
   * @throws io.exeat.base.FaultException Unavailable JOURNAL: then it stays stopped
   */
  void restored(SpiffeId agent);

  /** The agents that are stopped, in no order. */
  List<Kill> kills();

  /**
   * What is written down and not settled, oldest first. A credential stands there as REVOKED once
   * it is proven dead, as REVOKING once its epoch is ending, else as it was lent.
   */
  List<Outstanding> outstanding();

  /** The sessions not ended, oldest first. */
  List<Accessor> sessions();

  /** Why facts that add are refused now, and what to do, for people; empty when they are not. */
  Optional<String> problem();

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
