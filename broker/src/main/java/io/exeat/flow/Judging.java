package io.exeat.flow;

/**
 * A decision whose record is on its way to the disk, so that who asks again and again need not wait
 * for each. Nothing is permitted by it until it was awaited.
 */
public interface Judging {
  /** The act will be done out of the broker's sight: it is not known to be under way. */
  void outOfSight();

  /**
   * Runs {@code next} once, as soon as {@link #await} need not wait for the disk: on any thread,
   * which it must not keep.
   */
  void whenRecorded(Runnable next);

  /**
   * What came of asking, once a permit is on record and only if the epoch is still open. To be
   * called once, whatever becomes of who asked: closing the epoch waits for it.
   *
   * @throws io.exeat.base.FaultException Unavailable AUDIT, TaskEnded, EpochClosed; recorded as a
   *     refusal
   */
  Judged await();
}
