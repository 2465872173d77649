package io.exeat.flow;

import io.exeat.base.DecisionId;
import io.exeat.base.Durable;
import io.exeat.policy.Reason;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;

/**
 * Leave for one act. Whoever does the act says when it is {@link #done}: until then it counts as
 * one of the task's branches.
 */
public final class Allowed {
  private final DecisionId decision;
  private final List<Reason> because;
  private final Durable recorded;
  private final Runnable done;
  private final Consumer<String> answered;
  private final AtomicBoolean over = new AtomicBoolean();

  /**
   * @param recorded the decision's record
   * @param done called once, when the act is over
   */
  public Allowed(DecisionId decision, List<Reason> because, Durable recorded, Runnable done) {
    this(decision, because, recorded, done, _ -> {});
  }

  /**
   * @param done called once, when the act is over
   * @param answered told of the answer's hash
   */
  Allowed(
      DecisionId decision,
      List<Reason> because,
      Durable recorded,
      Runnable done,
      Consumer<String> answered) {
    this.decision = decision;
    this.because = List.copyOf(because);
    this.recorded = recorded;
    this.done = done;
    this.answered = answered;
  }

  public DecisionId decision() {
    return decision;
  }

  /** The policies that permitted it. */
  public List<Reason> because() {
    return because;
  }

  /** Awaited before the act has an effect that the agent can use. */
  public Durable recorded() {
    return recorded;
  }

  /**
   * What the act gave is part of what its task did, for every question from now on.
   *
   * @param sha256 in hex
   */
  void answered(String sha256) {
    answered.accept(sha256);
  }

  /** The act is over, whatever came of it. Idempotent. */
  public void done() {
    if (over.compareAndSet(false, true)) {
      done.run();
    }
  }
}
