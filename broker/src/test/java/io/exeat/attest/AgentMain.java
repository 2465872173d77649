package io.exeat.attest;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.NullMarked;

/**
 * An agent of the tests: for each line on its input it connects once more to the socket it was
 * given.
 */
@NullMarked
public final class AgentMain {
  private AgentMain() {}

  /** Ends with its input. */
  public static void main(String[] arguments) throws IOException {
    List<SocketChannel> open = new ArrayList<>();
    BufferedReader in =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    while (in.readLine() != null) {
      SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX);
      channel.connect(UnixDomainSocketAddress.of(Path.of(arguments[0])));
      open.add(channel);
    }
    for (SocketChannel channel : open) {
      channel.close();
    }
  }
}
