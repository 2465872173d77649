package io.exeat.gateway.grpc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.awaitility.Awaitility.await;

import io.exeat.v1.TasksGrpc;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.health.v1.HealthCheckRequest;
import io.grpc.health.v1.HealthGrpc;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import javax.management.JMException;
import javax.management.ObjectName;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** A peer with connections enough hears so, and costs no more for trying. */
final class UnixDoorLimitsTest {
  private static final int SHARE = 3;

  private final UnixFixture fixture = new UnixFixture();
  private final List<SocketChannel> sockets = new ArrayList<>();

  @BeforeEach
  void open() throws IOException {
    fixture.agents(new Limits(100, SHARE, 2048, Duration.ofSeconds(10), Duration.ofMinutes(5)));
    for (int i = 0; i < SHARE; i++) {
      connect();
    }
  }

  @AfterEach
  void close() throws IOException {
    for (SocketChannel socket : sockets) {
      socket.close();
    }
    fixture.close();
  }

  private SocketChannel connect() throws IOException {
    SocketChannel socket = SocketChannel.open(UnixDomainSocketAddress.of(fixture.socket));
    socket.configureBlocking(false);
    sockets.add(socket);
    return socket;
  }

  @Test
  void aConnectionTooManyIsToldTheLimitByEveryMethod() {
    ManagedChannel channel = fixture.channel();

    StatusRuntimeException open =
        catchThrowableOfType(StatusRuntimeException.class, () -> UnixFixture.opened(channel, "k"));
    StatusRuntimeException health =
        catchThrowableOfType(
            StatusRuntimeException.class,
            () ->
                HealthGrpc.newBlockingStub(channel)
                    .withDeadlineAfter(10, TimeUnit.SECONDS)
                    .check(HealthCheckRequest.getDefaultInstance()));

    assertThat(List.of(open, health))
        .allSatisfy(refused -> {
          assertThat(refused.getStatus().getCode()).isEqualTo(Status.Code.RESOURCE_EXHAUSTED);
          assertThat(UnixFixture.info(refused).getReason()).isEqualTo("EXHAUSTED");
          assertThat(UnixFixture.info(refused).getMetadataMap())
              .containsEntry("what", "connections of one user")
              .containsEntry("limit", "3");
          assertThat(UnixFixture.requestId(refused)).isNotEmpty();
        });
    assertThat(fixture.flow.calls).isEmpty();
  }

  @Test
  void aConnectionThatEndsMakesRoomForTheNext() throws Exception {
    ManagedChannel channel = fixture.channel();
    assertThat(
            catchThrowableOfType(
                StatusRuntimeException.class, () -> UnixFixture.opened(channel, "k")))
        .isNotNull();
    sockets.getFirst().close();

    await()
        .ignoreExceptions()
        .untilAsserted(() ->
            assertThat(
                    TasksGrpc.newBlockingStub(channel)
                        .withWaitForReady()
                        .withDeadlineAfter(2, TimeUnit.SECONDS)
                        .open(UnixFixture.open("k").build())
                        .getId())
                .startsWith("t"));
  }

  @Test
  void whoKnocksAllTheTimeHasAFewConnectionsForAMoment() throws Exception {
    List<SocketChannel> knocks = new ArrayList<>();
    for (int i = 0; i < 300; i++) {
      knocks.add(connect());
    }

    await()
        .pollInSameThread()
        .untilAsserted(() -> assertThat(open(knocks)).isLessThanOrEqualTo(UnixDoor.TOLD_PER_PEER));
    await()
        .pollInSameThread()
        .atMost(Duration.ofMillis(4 * Limits.REFUSED_MILLIS))
        .untilAsserted(() -> assertThat(open(knocks)).isZero());
    assertThat(open(sockets)).isEqualTo(SHARE);
  }

  /** gRPC would wait 10 s for a word of theirs, with all that it has made for each of them. */
  @Test
  void whoHangsUpAtOnceIsForgottenAtOnce() throws Exception {
    for (SocketChannel socket : sockets) {
      socket.close();
    }
    await() // what others have left in this JVM
        .atMost(Duration.ofSeconds(30))
        .untilAsserted(() -> assertThat(connections()).isZero());
    for (int i = 0; i < 300; i++) {
      connect().close();
    }

    await().atMost(Duration.ofSeconds(5)).untilAsserted(() -> assertThat(connections()).isZero());
  }

  /** What gRPC has made for connections, and the collector cannot take away. */
  private static long connections() throws JMException {
    String histogram =
        (String)
            ManagementFactory.getPlatformMBeanServer()
                .invoke(
                    new ObjectName("com.sun.management:type=DiagnosticCommand"),
                    "gcClassHistogram",
                    new Object[] {new String[0]},
                    new String[] {String[].class.getName()});
    return histogram
        .lines()
        .filter(line -> line.endsWith("io.grpc.netty.NettyServerHandler"))
        .mapToLong(line -> Long.parseLong(line.strip().split("\\s+", -1)[1]))
        .sum();
  }

  /** How many the door has not hung up on. */
  private static long open(List<SocketChannel> all) throws IOException {
    long open = 0;
    for (SocketChannel one : all) {
      if (hears(one)) {
        open++;
      }
    }
    return open;
  }

  private static boolean hears(SocketChannel socket) {
    ByteBuffer buffer = ByteBuffer.allocate(1024);
    try {
      int read;
      do {
        read = socket.read(buffer.clear());
      } while (read > 0);
      return read == 0;
    } catch (IOException reset) {
      return false;
    }
  }
}
