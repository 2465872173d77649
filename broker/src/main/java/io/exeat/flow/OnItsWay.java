package io.exeat.flow;

import io.exeat.base.FaultException;
import io.exeat.task.Stay;
import java.util.function.Consumer;

/**
 * What {@link Broker} decided and has not told yet.
 *
 * @param stay under the epoch that it was decided under
 * @param told runs when it can be told
 * @param refused runs when it cannot
 */
record OnItsWay(Judged judged, Stay stay, Runnable told, Consumer<FaultException> refused)
    implements Judging {
  @Override
  public void outOfSight() {
    judged.allowed().ifPresent(Allowed::done);
  }

  @Override
  public void whenRecorded(Runnable next) {
    judged.allowed().ifPresentOrElse(allowed -> allowed.recorded().then(next), next);
  }

  @Override
  public Judged await() {
    try (stay) {
      Judge.await(judged);
      stay.requireStillOpen();
      told.run();
      return judged;
    } catch (FaultException e) {
      outOfSight();
      refused.accept(e);
      throw e;
    }
  }
}
