package io.exeat.flow;

import io.exeat.base.Epoch;
import io.exeat.base.Fault;
import io.exeat.base.Subscription;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * One act that a proxy may, or may not, do in an agent's place. Whoever does it looks at {@link
 * #ended} right before it has an effect, and stops what it does when {@link #whenEnded} says so.
 */
public final class Use implements AutoCloseable {
  private final Judged judged;
  private final Epoch epoch;
  private final Optional<Issued> credential;
  private final CutOff cutOff;
  private final Consumer<String> answered;

  /**
   * @param answered told of the answer's hash
   */
  Use(
      Judged judged,
      Epoch epoch,
      Optional<Issued> credential,
      CutOff cutOff,
      Consumer<String> answered) {
    this.judged = judged;
    this.epoch = epoch;
    this.credential = credential;
    this.cutOff = cutOff;
    this.answered = answered;
  }

  /** A use for a proxy's tests: permitted or not as {@code judged} says, cut by {@code cutOff}. */
  public static Use of(Judged judged, Epoch epoch, Optional<Issued> credential, CutOff cutOff) {
    return of(judged, epoch, credential, cutOff, _ -> {});
  }

  /** The same, which tells {@code answered} what {@link #answered} was told. */
  public static Use of(
      Judged judged,
      Epoch epoch,
      Optional<Issued> credential,
      CutOff cutOff,
      Consumer<String> answered) {
    return new Use(judged, epoch, credential, cutOff, answered);
  }

  /** What was decided. Unless it is a permit, nothing may be done. */
  public Judged judged() {
    return judged;
  }

  /** Whether the act may be done. */
  public boolean isPermitted() {
    return judged.allowed().isPresent();
  }

  /** The epoch under which it was decided: what is kept for later acts is kept for this one. */
  public Epoch epoch() {
    return epoch;
  }

  /**
   * What was lent for it, the same for every act under one grant of one epoch; empty when the act
   * is not permitted or its grant lends nothing. The secret is zeroed when it ends.
   */
  public Optional<Issued> credential() {
    return credential;
  }

  /** Why nothing may be done any more, if that is so. */
  public Optional<Fault> ended() {
    return cutOff.why();
  }

  /**
   * Runs {@code then} once, on a thread of its own, as soon as the task, its epoch or the
   * credential ends; at once when that is so already. To be closed when the act is over.
   */
  public Subscription whenEnded(Consumer<Fault> then) {
    return cutOff.then(then);
  }

  /**
   * What the agent is answered, for the record and for the task's history; at most once, and before
   * the agent has it, so that every later question knows.
   *
   * @param sha256 of the result or error, as canonical JSON, in hex
   */
  public void answered(String sha256) {
    answered.accept(sha256);
  }

  /** The act is over, whatever came of it. Idempotent. */
  @Override
  public void close() {
    judged.allowed().ifPresent(Allowed::done);
  }
}
