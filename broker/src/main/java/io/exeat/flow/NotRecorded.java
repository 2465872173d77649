package io.exeat.flow;

import io.exeat.credential.AnswerLost;
import io.exeat.credential.Held;
import java.io.Serial;

/**
 * Something was lent and could not be written down. Nobody has it, and it must end: as little as
 * {@link AnswerLost} this leaves {@code flow}.
 */
final class NotRecorded extends RuntimeException {
  @Serial private static final long serialVersionUID = 1L;

  private final transient Held lent;
  private final transient RuntimeException refusal;

  NotRecorded(Held lent, RuntimeException refusal) {
    super(refusal);
    this.lent = lent;
    this.refusal = refusal;
  }

  Held lent() {
    return lent;
  }

  /** What the caller gets, once the rest is under way. */
  RuntimeException refusal() {
    return refusal;
  }
}
