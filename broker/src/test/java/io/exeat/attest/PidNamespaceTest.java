package io.exeat.attest;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.exeat.base.FaultException;
import io.exeat.identity.SpiffeTransport;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import org.jspecify.annotations.NullMarked;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** In one namespace; with two, real ones, it is tried where SPIRE is. */
@NullMarked
final class PidNamespaceTest {
  private static final String LISTENS_AND_LEAVES_IT_TO_ANOTHER =
      """
      import os, socket, sys, time
      s = socket.socket(socket.AF_UNIX)
      s.bind(sys.argv[1])
      s.listen()
      other = os.fork()
      if other:
        print(other, flush=True)
        os._exit(0)
      os.close(1)
      time.sleep(60)
      """;

  @Test
  void whoListensInTheSameOneMayBeAsked(@TempDir Path folder) throws IOException {
    Path socket = folder.resolve("s");
    try (ServerSocketChannel server = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
        SpiffeTransport transport = new SpiffeTransport()) {
      server.bind(UnixDomainSocketAddress.of(socket));
      PidNamespace.check(socket, transport, Duration.ofSeconds(5));
    }
  }

  /** As while a SPIRE agent is started again: it is asked again later, and nothing is refused. */
  @Test
  void whoHasJustEndedIsAwayAndNotElsewhere(@TempDir Path folder) throws Exception {
    Path socket = folder.resolve("s");
    Process process =
        new ProcessBuilder("python3", "-c", LISTENS_AND_LEAVES_IT_TO_ANOTHER, socket.toString())
            .redirectError(ProcessBuilder.Redirect.DISCARD)
            .start();
    long other =
        Long.parseLong(
            new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip());
    try (SpiffeTransport transport = new SpiffeTransport()) {
      assertThat(process.waitFor()).isZero();
      assertThatThrownBy(() -> PidNamespace.check(socket, transport, Duration.ofSeconds(5)))
          .isInstanceOf(FaultException.class)
          .hasMessageContaining("is not in /proc");
    } finally {
      ProcessHandle.of(other).ifPresent(ProcessHandle::destroyForcibly);
    }
  }
}
