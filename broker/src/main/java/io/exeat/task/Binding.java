package io.exeat.task;

/** What a task handle is bound to, beside the agent's SPIFFE ID. */
public enum Binding {
  /** The instance that opened it: the process, or over mTLS the agent's connections. */
  PROCESS,
  /** The SPIFFE ID alone; only where the agent's catalogue entry allows it. */
  IDENTITY
}
