package io.exeat.flow;

import java.time.Instant;

/** What a request to restore an agent came to. */
public sealed interface Restoration {
  /** It is stopped no more. */
  record Done() implements Restoration {}

  /**
   * Two have asked; it is tried until it is done.
   *
   * @param pending what is waited for, for people
   */
  record UnderWay(String pending) implements Restoration {}

  /**
   * One has asked; another one must.
   *
   * @param until when this request is void
   */
  record WaitsForAnother(Instant until) implements Restoration {}
}
