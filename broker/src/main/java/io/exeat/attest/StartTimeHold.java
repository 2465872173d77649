package io.exeat.attest;

import io.exeat.base.FaultException;
import io.exeat.base.Subscription;
import io.netty.util.concurrent.EventExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;

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
    Subscription told = death.then(_ -> then.run());
    AtomicBoolean wanted = new AtomicBoolean(true);
    loop.execute(() -> sweep(death, wanted));
    return () -> {
      wanted.set(false);
      told.close();
    };
  }

  private boolean mayBeAlive() {
    try {
      return alive();
    } catch (FaultException e) {
      return true; // it cannot be looked at now
    }
  }

  private void sweep(Once death, AtomicBoolean wanted) {
    if (!wanted.get()) {
      return;
    }
    if (mayBeAlive()) {
      var _ = loop.schedule(() -> sweep(death, wanted), SWEEP_MILLIS, TimeUnit.MILLISECONDS);
    } else {
      var _ = death.happen("the process has exited");
    }
  }
}
