package io.exeat.cli;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.SocketChannel;
import java.util.Optional;

/** What one request goes over; it may be given up before there is a connection. */
final class McpConnection {
  private Optional<SocketChannel> channel = Optional.empty();
  private boolean givenUp;

  /** It is to be connected now; closed at once if nobody wants it any more. */
  synchronized void opened(SocketChannel fresh) {
    channel = Optional.of(fresh);
    if (givenUp) {
      giveUp();
    }
  }

  /** Nobody waits for the answer: whoever reads it gets a ClosedChannelException. */
  synchronized void giveUp() {
    givenUp = true;
    try {
      if (channel.isPresent()) {
        channel.get().close();
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
