package io.exeat.gateway.grpc;

import io.grpc.Server;
import io.grpc.netty.NettyServerBuilder;
import java.time.Duration;
import java.util.concurrent.TimeUnit;

/** What the doors' gRPC servers have in common. */
final class Servers {

  /** HTTP/2's default window: what one stream may send before it is read (RFC 9113, 6.9.2). */
  private static final int WINDOW_BYTES = 65_535;

  /** A client that pings more often is disconnected. */
  private static final Duration PING_AT_MOST_EVERY = Duration.ofSeconds(10);

  private static final Duration CLOSE_WITHIN = Duration.ofSeconds(5);

  private Servers() {}

  static NettyServerBuilder configure(
      NettyServerBuilder builder, DoorParts parts, PeerCheck check, Served served) {
    Limits limits = parts.limits();
    // The lookup of the method runs on the event loop; then CallExecutors decides.
    builder
        .directExecutor()
        .callExecutor(new CallExecutors(parts.calls(), served))
        .bossEventLoopGroup(parts.loops())
        .workerEventLoopGroup(parts.loops())
        .intercept(new Calls(check))
        .addService(parts.serving().service());
    return builder
        .maxInboundMessageSize(served.messageBytes())
        .maxInboundMetadataSize(Limits.METADATA_BYTES)
        .maxConcurrentCallsPerConnection(limits.callsPerConnection())
        .flowControlWindow(WINDOW_BYTES)
        .maxRstFramesPerWindow(Limits.RESETS, Limits.RESET_SECONDS)
        .permitKeepAliveTime(PING_AT_MOST_EVERY.toMillis(), TimeUnit.MILLISECONDS)
        .permitKeepAliveWithoutCalls(true);
  }

  static void close(Server server) {
    server.shutdown();
    try {
      if (!server.awaitTermination(CLOSE_WITHIN.toMillis(), TimeUnit.MILLISECONDS)) {
        server.shutdownNow();
      }
    } catch (InterruptedException e) {
      server.shutdownNow();
      Thread.currentThread().interrupt();
    }
  }
}
