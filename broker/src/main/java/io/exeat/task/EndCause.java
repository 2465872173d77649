package io.exeat.task;

/** Why a task ended; the names are those of {@code exeat.v1.EndCause}. */
public enum EndCause {
  COMPLETED,
  CANCELLED,
  EXPIRED,
  AGENT_GONE,
  OPERATOR,
  BROKER_RESTARTED,
  BROKER_STOPPED,
  LEASE_LOST,
  PARENT_ENDED,
  PARENT_NARROWED,
  KILLED
}
