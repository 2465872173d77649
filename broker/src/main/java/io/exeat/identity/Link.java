package io.exeat.identity;

import io.grpc.Channel;
import io.grpc.ConnectivityState;
import io.grpc.ManagedChannel;
import java.nio.file.Path;

/** A connection to one SPIFFE socket, remade for as long as it is open. */
public final class Link implements AutoCloseable {
  private final SpiffeTransport transport;
  private final Path socket;
  private final ManagedChannel connection;
  private final Channel calls;

  Link(SpiffeTransport transport, Path socket, ManagedChannel connection, Channel calls) {
    this.transport = transport;
    this.socket = socket;
    this.connection = connection;
    this.calls = calls;
  }

  /** For calls; they carry the API's security header. */
  public Channel channel() {
    return calls;
  }

  /** For people: the socket and whether it is connected. */
  public String state() {
    return socket
        + (connection.getState(false) == ConnectivityState.READY ? "" : " (not connected)");
  }

  SpiffeTransport transport() {
    return transport;
  }

  @Override
  public void close() {
    connection.shutdownNow();
  }
}
