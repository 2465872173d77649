package io.exeat.audit;

import io.exeat.base.Durable;
import io.exeat.base.TaskId;
import java.util.List;
import java.util.Optional;

/** The chain's writing end, which can look up what it holds. */
public interface AuditSink extends AutoCloseable {
  /**
   * Appends the event; it is recorded once it has been awaited, durable then (fsync; calls from
   * several threads share one).
   *
   * @throws io.exeat.base.FaultException Unavailable AUDIT, at the call or when awaited, when it
   *     could not be recorded; then the act must not happen, or must be ended
   */
  Durable begin(AuditEvent event);

  /**
   * Appends the event and returns once it is durable. Called before what it tells has an effect
   * that the agent can use.
   *
   * @throws io.exeat.base.FaultException Unavailable AUDIT when it could not be recorded; then the
   *     act must not happen
   */
  default void record(AuditEvent event) {
    begin(event).await();
  }

  /**
   * Appends an event of an ending, which happens whether or not it can be recorded: what cannot be
   * written now is kept in memory, written as soon as it can be, and counted as late in the chain.
   * Never throws.
   */
  void recordEnding(AuditEvent event);

  /**
   * Appends an event of what has happened and nobody waits for: with the next one that somebody
   * waits for, a second from now at the latest. Kept as {@link #recordEnding} does; returns at once
   * and never throws.
   */
  void recordSoon(AuditEvent event);

  /**
   * The receipts of a task's credentials and epochs that are in the chain, oldest first; the latest
   * {@code most} of them.
   *
   * @throws io.exeat.base.FaultException Unavailable AUDIT when the chain cannot be read
   */
  List<AuditEvent.ReceiptSigned> receipts(TaskId task, int most);

  /** Why {@link #record} refuses now, and what to do, for people; empty when it does not. */
  Optional<String> problem();

  @Override
  void close();
}
