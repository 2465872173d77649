package io.exeat.attest;

import io.exeat.base.CannotStart;
import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import io.exeat.identity.SpiffeTransport;
import io.netty.bootstrap.Bootstrap;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.epoll.EpollDomainSocketChannel;
import io.netty.channel.unix.DomainSocketAddress;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Whether a PID of ours means the same process to the SPIRE agent. If it does not, it means another
 * one, and its SVID and key would be given to our caller.
 *
 * <p>It needs no rights: {@code NSpid} has one number exactly for the processes of the namespace
 * that {@code /proc} shows, and the kernel gives the PID of a Unix socket's server as 0 when that
 * is out of our namespace's sight.
 */
public final class PidNamespace {
  private static final String MEND =
      "run this broker in the PID namespace of the SPIRE agent (on the host itself, or hostPID"
          + " for a broker of one per node), or use attestation mode workload-api, which sends no"
          + " PIDs";

  private PidNamespace() {}

  /**
   * Returns when our PID namespace is that of the process listening on {@code socket}.
   *
   * @throws CannotStart when it is another one
   * @throws FaultException Unavailable IDENTITY when nobody listens there, or not {@code within},
   *     or who did is not to be seen any more
   */
  public static void check(Path socket, SpiffeTransport transport, Duration within) {
    long self = ProcessHandle.current().pid();
    if (!Proc.pidsInwards("self").equals(List.of(Long.toString(self)))) {
      throw new CannotStart("/proc is not that of this process's PID namespace", MEND);
    }
    int agent = pidOfServer(socket, transport, within);
    if (agent == 0) {
      throw new CannotStart(
          "the SPIRE agent at " + socket + " is in another PID namespace than this broker", MEND);
    }
    List<String> inwards = Proc.pidsInwards(Integer.toString(agent));
    if (inwards.isEmpty()) {
      throw away(
          "the process %d that listens at %s is not in /proc: it has just ended, or /proc hides it (hidepid)"
              .formatted(agent, socket),
          null);
    }
    if (!inwards.equals(List.of(Integer.toString(agent)))) {
      throw new CannotStart(
          "the SPIRE agent at " + socket + " is in a PID namespace below this broker's", MEND);
    }
  }

  private static int pidOfServer(Path socket, SpiffeTransport transport, Duration within) {
    ChannelFuture connection =
        new Bootstrap()
            .group(transport.loop())
            .channel(EpollDomainSocketChannel.class)
            .handler(new ChannelInboundHandlerAdapter())
            .connect(new DomainSocketAddress(socket.toFile()));
    try {
      if (!connection.awaitUninterruptibly(within.toMillis()) || !connection.isSuccess()) {
        throw away("nobody listens at " + socket, connection.cause());
      }
      return ((EpollDomainSocketChannel) connection.channel()).peerCredentials().pid();
    } catch (IOException e) {
      throw away("nobody listens at " + socket, e);
    } finally {
      var _ = connection.channel().close();
    }
  }

  private static FaultException away(String why, @Nullable Throwable cause) {
    Fault fault = new Fault.Unavailable(Fault.Dependency.IDENTITY, why, Duration.ofSeconds(1));
    return cause == null ? new FaultException(fault) : new FaultException(fault, cause);
  }
}
