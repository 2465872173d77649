package io.exeat.attest;

import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import io.netty.channel.Channel;
import io.netty.channel.ChannelException;
import io.netty.channel.IoEventLoop;
import io.netty.channel.epoll.EpollDomainSocketChannel;
import io.netty.channel.unix.FileDescriptor;
import io.netty.channel.unix.IntegerUnixChannelOption;
import io.netty.channel.unix.PeerCredentials;
import io.netty.util.concurrent.EventExecutor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;

/**
 * Reads from the kernel who is at the other end of a Unix socket; unix(7), SO_PEERCRED and
 * SO_PEERPIDFD.
 */
public final class UnixPeers {
  private static final int SOL_SOCKET = 1;

  /** Linux 6.5 and later; the number is the same on x86-64 and AArch64. */
  private static final IntegerUnixChannelOption SO_PEERPIDFD =
      new IntegerUnixChannelOption("SO_PEERPIDFD", SOL_SOCKET, 77);

  /** Since one was had. */
  private static volatile boolean kernelHasPidfds;

  private UnixPeers() {}

  /**
   * Whose process connected, at no cost that lasts.
   *
   * @throws FaultException Unattested when it has gone meanwhile
   */
  public static int uid(EpollDomainSocketChannel channel) {
    try {
      return channel.peerCredentials().uid();
    } catch (IOException e) {
      throw gone();
    }
  }

  /**
   * The process that connected, held until the connection closes. A few reads of {@code /proc},
   * which do not block: may be called on the channel's event loop, which must be epoll's.
   *
   * @throws FaultException Unattested when it has exited meanwhile
   */
  public static Peer.Local read(EpollDomainSocketChannel channel) {
    try {
      PeerCredentials credentials = channel.peerCredentials();
      int pid = credentials.pid();
      OptionalInt pidfd = pidfd(channel);
      long start = pid > 0 ? Proc.startTicks(pid) : -1;
      IoEventLoop loop = (IoEventLoop) channel.eventLoop();
      Peer.Local peer =
          new Peer.Local(
              pid,
              credentials.uid(),
              credentials.gids()[0],
              start,
              hold(channel, loop, pidfd, pid, start));
      // Read after the pidfd was taken: if it is alive now, start and pid were its own.
      if (!peer.process().alive()) {
        throw gone();
      }
      return peer;
    } catch (IOException e) {
      throw gone();
    }
  }

  /**
   * A process by its PID, for asking about it; never for a caller, whom the kernel names.
   *
   * @throws FaultException Unattested when there is no such process
   */
  public static Peer.Local process(int pid, EventExecutor loop) {
    long start = Proc.startTicks(pid);
    try {
      Path of = Path.of("/proc", Integer.toString(pid));
      return new Peer.Local(
          pid,
          (Integer) Files.getAttribute(of, "unix:uid"),
          (Integer) Files.getAttribute(of, "unix:gid"),
          start,
          new StartTimeHold(pid, start, loop));
    } catch (IOException e) {
      throw new FaultException(new Fault.Unattested("there is no process " + pid), e);
    }
  }

  private static ProcessHold hold(
      EpollDomainSocketChannel channel, IoEventLoop loop, OptionalInt pidfd, int pid, long start) {
    if (pidfd.isPresent()) {
      PidfdHold hold = new PidfdHold(new FileDescriptor(pidfd.getAsInt()), pid, start, loop);
      var _ = channel.closeFuture().addListener(_ -> hold.release());
      return hold;
    }
    return pid > 0 ? new StartTimeHold(pid, start, loop) : new ConnectionHold(channel);
  }

  /**
   * Empty only where the kernel knows of none. Where it does, a peer whose pidfd cannot be had was
   * reaped (or we are out of descriptors): by its PID we would then look at whoever has that now.
   */
  private static OptionalInt pidfd(EpollDomainSocketChannel channel) {
    OptionalInt fd = option(channel);
    if (fd.isEmpty() && (kernelHasPidfds || ownPidfd(channel.parent()))) {
      throw gone();
    }
    return fd;
  }

  /** A listening socket's peer is who listens, hence there. */
  private static boolean ownPidfd(@Nullable Channel listening) {
    OptionalInt own = listening == null ? OptionalInt.empty() : option(listening);
    if (own.isEmpty()) {
      return false;
    }
    try {
      new FileDescriptor(own.getAsInt()).close();
    } catch (IOException e) {
      throw gone();
    }
    return true;
  }

  private static OptionalInt option(Channel channel) {
    try {
      Integer fd = channel.config().getOption(SO_PEERPIDFD);
      if (fd != null && fd >= 0) {
        kernelHasPidfds = true;
        return OptionalInt.of(fd);
      }
    } catch (ChannelException e) {
      // ENOPROTOOPT before Linux 6.5, EINVAL, ESRCH or ENODATA of one that was reaped, EMFILE.
    }
    return OptionalInt.empty();
  }

  private static FaultException gone() {
    return new FaultException(new Fault.Unattested("the process at the other end has exited"));
  }
}
