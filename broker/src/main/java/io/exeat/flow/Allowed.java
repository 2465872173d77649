package io.exeat.flow;

import io.exeat.base.DecisionId;
import io.exeat.policy.Reason;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * Leave for one act, which is on record. Whoever does the act says when it is {@link #done}: until
 * then it counts as one of the task's branches.
 */
public final class Allowed {
  private final DecisionId decision;
  private final List<Reason> because;
  private final Runnable done;
  private final AtomicBoolean over = new AtomicBoolean();

  /**
   * @param done called once, when the act is over
   */
  public Allowed(DecisionId decision, List<Reason> because, Runnable done) {
    this.decision = decision;
    this.because = List.copyOf(because);
    this.done = done;
  }

  public DecisionId decision() {
    return decision;
  }

  /** The policies that permitted it. */
  public List<Reason> because() {
    return because;
  }

  /** The act is over, whatever came of it. Idempotent. */
  public void done() {
    if (over.compareAndSet(false, true)) {
      done.run();
    }
  }
}
