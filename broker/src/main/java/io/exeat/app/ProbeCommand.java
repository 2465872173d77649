package io.exeat.app;

import io.exeat.cli.Exit;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** {@code exeat probe}: for a kubelet's exec probe, in an image without a shell. */
@Command(
    name = "probe",
    description = "Ends with 0 when somebody listens at each of the Unix sockets, with 3 when not.")
final class ProbeCommand implements Callable<Integer> {
  @Parameters(arity = "1..*", paramLabel = "SOCKET", description = "Unix sockets.")
  private List<Path> sockets = List.of();

  @Override
  public Integer call() {
    for (Path socket : sockets) {
      try (SocketChannel probe = SocketChannel.open(StandardProtocolFamily.UNIX)) {
        probe.connect(UnixDomainSocketAddress.of(socket));
      } catch (IOException e) {
        System.err.println("exeat: nobody listens at " + socket);
        return Exit.UNAVAILABLE;
      }
    }
    return Exit.OK;
  }
}
