package io.exeat.attest;

import io.exeat.base.Subscription;
import io.netty.util.concurrent.EventExecutor;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;

/**
 * A process by PID and start time, for kernels without SO_PEERPIDFD: looked at five times a second.
 */
final class StartTimeHold implements ProcessHold {
  private static final long SWEEP_MILLIS = 200;

  private final int pid;
  private final long start;
  private final EventExecutor loop;

  StartTimeHold(int pid, long start, EventExecutor loop) {
    this.pid = pid;
    this.start = start;
    this.loop = loop;
  }

  static String key(int pid, long start) {
    return "p" + pid + "s" + start;
  }

  @Override
  public boolean alive() {
    return start >= 0 && Proc.startTicks(pid) == start && !Proc.isZombie(pid);
  }

  @Override
  public String key() {
    return key(pid, start);
  }

  @Override
  public Subscription onDeath(Runnable then) {
    Once death = new Once();
    var _ = death.then(_ -> then.run());
    ScheduledFuture<?> sweep =
        loop.scheduleWithFixedDelay(
            () -> {
              if (!alive() && death.happen("the process has exited")) {
                // Ends the schedule: an exception does.
                throw new IllegalStateException("done");
              }
            },
            0,
            SWEEP_MILLIS,
            TimeUnit.MILLISECONDS);
    return () -> sweep.cancel(false);
  }
}
