package io.exeat.it.environment;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.LockSupport;

/** A TCP connection's way to a server on this host, on which things can happen. */
public final class Wire implements AutoCloseable {
  private final ServerSocket listener;
  private final int to;
  private final Set<Socket> sockets = ConcurrentHashMap.newKeySet();
  private volatile Duration latency = Duration.ZERO;
  private volatile boolean swallowsAnswers;
  private volatile boolean swallowsAll;
  private volatile boolean breaksAtAnswers;
  private volatile boolean cut;

  private Wire(ServerSocket listener, int to) {
    this.listener = listener;
    this.to = to;
  }

  /** A new one to the port. */
  public static Wire to(int port) {
    try {
      Wire wire = new Wire(new ServerSocket(0, 64, InetAddress.getLoopbackAddress()), port);
      Thread.ofVirtual().name("wire").start(wire::accept);
      return wire;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  public int port() {
    return listener.getLocalPort();
  }

  /** Everything takes so much longer, each way. */
  public void slow(Duration by) {
    latency = by;
  }

  /** What the server answers does not arrive; what it is asked does. */
  public void loseAnswers() {
    swallowsAnswers = true;
  }

  /** What the server is asked arrives; where it answers, the connection breaks instead. */
  public void breakAtAnswers() {
    breaksAtAnswers = true;
  }

  /** Nothing arrives, and nobody says so. */
  public void blackHole() {
    swallowsAll = true;
  }

  /** Connections break, and no new ones are made. */
  public void cut() {
    cut = true;
    breakAll();
  }

  /** As before; what was swallowed stays lost, and its connections break. */
  public void mend() {
    boolean lossy = swallowsAnswers || swallowsAll;
    latency = Duration.ZERO;
    swallowsAnswers = false;
    breaksAtAnswers = false;
    swallowsAll = false;
    cut = false;
    if (lossy) {
      breakAll();
    }
  }

  private void breakAll() {
    sockets.forEach(Wire::quietly);
  }

  private void accept() {
    while (!listener.isClosed()) {
      try {
        lay(listener.accept());
      } catch (IOException e) {
        // Closed: the loop ends.
      }
    }
  }

  private void lay(Socket client) {
    if (cut) {
      quietly(client);
      return;
    }
    try {
      Socket server = new Socket(InetAddress.getLoopbackAddress(), to);
      client.setTcpNoDelay(true);
      server.setTcpNoDelay(true);
      sockets.add(client);
      sockets.add(server);
      Thread.ofVirtual().start(() -> pump(client, server, false));
      Thread.ofVirtual().start(() -> pump(server, client, true));
    } catch (IOException e) {
      // There is no server now, and the client is to see that.
      quietly(client);
    }
  }

  private void pump(Socket from, Socket into, boolean answers) {
    byte[] buffer = new byte[16 << 10];
    try (from;
        into;
        InputStream in = from.getInputStream();
        OutputStream out = into.getOutputStream()) {
      for (int n = in.read(buffer); n >= 0; n = in.read(buffer)) {
        if (answers && breaksAtAnswers) {
          return;
        }
        if (!latency.isZero()) {
          LockSupport.parkNanos(latency.toNanos());
        }
        if (!(swallowsAll || (answers && swallowsAnswers))) {
          out.write(buffer, 0, n);
        }
      }
    } catch (IOException e) {
      // Both ends learn of it by the closing.
    } finally {
      sockets.remove(from);
      sockets.remove(into);
    }
  }

  private static void quietly(Socket socket) {
    try {
      socket.close();
    } catch (IOException e) {
      // It is closed.
    }
  }

  @Override
  public void close() {
    try {
      listener.close();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    breakAll();
  }
}
