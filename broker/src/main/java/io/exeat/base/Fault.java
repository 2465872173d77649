package io.exeat.base;

import java.time.Duration;

/**
 * The whole list of ways to be refused. Each door maps it with one exhaustive switch; {@code
 * docs/errors.md} is the same table for callers.
 *
 * <p>Fields are safe to show to the caller: no cause, no secret, nothing of another agent.
 */
public sealed interface Fault {
  /** The door could not establish who is calling. */
  record Unattested(String evidence) implements Fault {}

  /** The request's {@code field} is not what it must be; {@code problem} says the allowed range. */
  record Malformed(String field, String problem) implements Fault {}

  /** Unknown, or another agent's: the same answer for both. */
  record NoSuchTask(TaskId task) implements Fault {}

  /** Unknown in this task, or another task's: the same answer for both. */
  record NoSuchCredential(CredentialId credential) implements Fault {}

  /** Unknown, used, refused, void, or not the caller's to answer: the same answer for all. */
  record NoSuchApproval(DecisionId decision) implements Fault {}

  /** The task has ended or is ending; {@code cause} is an {@code EndCause}'s name. */
  record TaskEnded(TaskId task, String cause) implements Fault {}

  /**
   * The call names, or began under, an epoch that is closed. {@code current} is the open or coming
   * one.
   */
  record EpochClosed(TaskId task, long asked, long current) implements Fault {}

  /** The old epoch is still being proven dead; nothing is issued until then. */
  record ScopeChanging(TaskId task, String pending, Duration retryAfter) implements Fault {}

  /** The grant is not in the task's scope. */
  record OutOfScope(TaskId task, String grant) implements Fault {}

  /** The agent's catalogue entry does not allow {@code what}; {@code allowed} says what it does. */
  record OutsideCeiling(String what, String allowed) implements Fault {}

  /** Policy, or the door's own rule, says no. */
  record Denied(String reason) implements Fault {}

  /** The idempotency key was used for another content. */
  record IdempotencyConflict(String key) implements Fault {}

  /**
   * A limit is reached.
   *
   * @param what is limited, and whose it is
   * @param retryAfter when there may be room again; ending something makes room at once
   */
  record Exhausted(String what, long limit, Duration retryAfter) implements Fault {
    /** One that is given back by whoever holds it, nobody knows when. */
    public Exhausted(String what, long limit) {
      this(what, limit, Duration.ofSeconds(1));
    }
  }

  /** Something that the answer depends on is away; nothing was lent. */
  record Unavailable(Dependency dependency, String problem, Duration retryAfter) implements Fault {}

  /** The broker is starting or stopping. */
  record NotServing(String state) implements Fault {}

  /** A defect of ours; the log has it under this request. */
  record Bug(RequestId request) implements Fault {}

  /** What an answer can depend on. */
  enum Dependency {
    /** The Workload API, the Broker API: SPIRE. */
    IDENTITY,
    /** The policy engine. */
    POLICY,
    /** Vault or OpenBao. */
    VAULT,
    /** What the credential is for, such as the database. */
    TARGET,
    /** The broker's own journal on disk. */
    JOURNAL,
    /** The audit chain on disk. */
    AUDIT,
    /** The broker that a sidecar relays to. */
    BROKER
  }
}
