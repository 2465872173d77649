package io.exeat.attest;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.exeat.base.FaultException;
import io.exeat.base.Subscription;
import io.netty.channel.IoEvent;
import io.netty.channel.IoEventLoop;
import io.netty.channel.IoRegistration;
import io.netty.channel.epoll.EpollIoHandle;
import io.netty.channel.epoll.EpollIoOps;
import io.netty.channel.epoll.Native;
import io.netty.channel.unix.FileDescriptor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A process by its pidfd, which becomes readable when the process exits: pidfd_open(2).
 *
 * <p>Counted: the connection that it came with holds it, and each subscription does.
 */
final class PidfdHold implements ProcessHold {
  private static final Logger LOG = LoggerFactory.getLogger(PidfdHold.class);

  /** Before pidfs all pidfds share one inode, on the device of all anonymous inodes. */
  private static final Object ANONYMOUS_DEVICE = anonymousDevice();

  private final FileDescriptor pidfd;
  private final int pid;
  private final String key;
  private final IoEventLoop loop;
  private final Once death = new Once();

  @GuardedBy("this")
  private int holders = 1;

  @GuardedBy("this")
  private boolean watched;

  /** There while it is watched, where it can be had. */
  private volatile @Nullable OwnFile file;

  /** Only touched on the loop. */
  private @Nullable IoRegistration registration;

  PidfdHold(FileDescriptor pidfd, int pid, long start, IoEventLoop loop) {
    this.pidfd = pidfd;
    this.pid = pid;
    this.loop = loop;
    this.key = key(pidfd.intValue(), pid, start);
  }

  private static String key(int fd, int pid, long start) {
    try {
      Path link = Path.of("/proc/self/fd", Integer.toString(fd));
      if (!Files.getAttribute(link, "unix:dev").equals(ANONYMOUS_DEVICE)) {
        return "i" + Files.getAttribute(link, "unix:ino");
      }
    } catch (IOException e) {
      LOG.error("A pidfd cannot be looked at; the process is known by its start time", e);
    }
    return pid > 0 ? StartTimeHold.key(pid, start) : ConnectionHold.nextKey();
  }

  /** Looks without the lock: each call of a process comes here, and they need not queue. */
  @Override
  public boolean alive() {
    OwnFile its = file;
    return (its != null && its.isOfTheLiving()) ? !death.hasHappened() : look();
  }

  private boolean look() {
    if (!hold()) {
      return false;
    }
    try {
      return !death.hasHappened()
          && Proc.pidOfPidfd(pidfd.intValue()) == pid
          && (pid == 0 || !Proc.isZombie(pid));
    } finally {
      release();
    }
  }

  /** With no holder the number may be another file by now. */
  private synchronized boolean hold() {
    if (holders == 0) {
      return false;
    }
    holders++;
    return true;
  }

  @Override
  public String key() {
    return key;
  }

  @Override
  public Subscription onDeath(Runnable then) {
    synchronized (this) {
      if (holders == 0) {
        var _ = death.happen("released");
        return death.then(_ -> then.run());
      }
      holders++;
      if (!watched) {
        watched = true;
        file = ownFile();
        loop.execute(this::watch);
      }
    }
    AtomicBoolean held = new AtomicBoolean(true);
    Runnable letGo =
        () -> {
          if (held.getAndSet(false)) {
            release();
          }
        };
    Subscription told =
        death.then(_ -> {
          letGo.run();
          then.run();
        });
    return () -> {
      told.close();
      letGo.run();
    };
  }

  /** It has had the PID until now if it has it still: then the file is its own. */
  private @Nullable OwnFile ownFile() {
    OwnFile opened = pid > 0 ? OwnFile.open(pid) : null;
    if (opened == null || isSurelyAlive()) {
      return opened;
    }
    opened.close();
    return null;
  }

  private boolean isSurelyAlive() {
    try {
      return look();
    } catch (FaultException e) {
      return false; // it cannot be looked at now: let each look be a whole one
    }
  }

  private void watch() {
    var _ =
        loop.register(new Handle())
            .addListener(done -> {
              if (done.isSuccess()) {
                registration = (IoRegistration) done.getNow();
                var _ = registration.submit(EpollIoOps.EPOLLIN);
              } else {
                // What cannot be watched cannot be vouched for.
                LOG.error("A process cannot be watched", done.cause());
                var _ = death.happen("the process cannot be watched");
              }
            });
  }

  /** The connection, a subscription or a look lets go. */
  void release() {
    synchronized (this) {
      holders--;
      if (holders > 0) {
        return;
      }
      OwnFile its = file;
      if (its != null) {
        its.close();
      }
    }
    // On the loop and in this order: a closed number that is still registered may come to mean
    // another file.
    loop.execute(() -> {
      unwatch();
      try {
        pidfd.close();
      } catch (IOException e) {
        LOG.error("A pidfd cannot be closed", e);
      }
    });
  }

  private void unwatch() {
    if (registration != null) {
      registration.cancel();
      registration = null;
    }
  }

  private static Object anonymousDevice() {
    FileDescriptor any = Native.newEventFd();
    try {
      return Files.getAttribute(
          Path.of("/proc/self/fd", Integer.toString(any.intValue())), "unix:dev");
    } catch (IOException e) {
      return "none";
    } finally {
      try {
        any.close();
      } catch (IOException e) {
        LOG.error("An eventfd cannot be closed", e);
      }
    }
  }

  /** What epoll calls when the pidfd becomes readable. */
  private final class Handle implements EpollIoHandle {
    @Override
    public FileDescriptor fd() {
      return pidfd;
    }

    @Override
    public void handle(IoRegistration from, IoEvent event) {
      unwatch();
      var _ = death.happen("the process has exited");
    }

    @Override
    public void close() {}
  }
}
