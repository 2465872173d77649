package io.exeat.gateway.metrics;

import static org.assertj.core.api.Assertions.assertThat;

import io.exeat.base.Epoch;
import io.exeat.base.Fault;
import io.exeat.base.Spread;
import io.exeat.base.TaskId;
import io.exeat.flow.Readings;
import io.exeat.flow.Status;
import io.exeat.flow.Vitals;
import io.exeat.gateway.grpc.UnixDoorConfig;
import io.exeat.revoke.TargetVerifier.Mark;
import io.exeat.revoke.Unproven;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MetricsDoorTest {
  private static final String GET = "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n";

  @TempDir private Path folder;

  @Test
  void whatIsCountedIsReadAsPrometheusReadsIt() throws IOException {
    String text = read(full(), GET);
    assertThat(text).startsWith("HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4");
    assertThat(text)
        .contains(
            "\nexeat_tasks{state=\"open\"} 3.0\n",
            "\nexeat_credentials{state=\"revoking\"} 2.0\n",
            "\nexeat_revocations{waits_for=\"TARGET\"} 2.0\n",
            "\nexeat_revocation_oldest_seconds{waits_for=\"TARGET\"} 61.0\n",
            "\nexeat_call_seconds_bucket{method=\"Credentials.Issue\",le=\"0.05\"} 1\n",
            "\nexeat_call_seconds_bucket{method=\"Credentials.Issue\",le=\"+Inf\"} 2\n",
            "\nexeat_call_seconds_sum{method=\"Credentials.Issue\"} 400.03\n",
            "\nexeat_refusals_total{away=\"VAULT\",reason=\"UNAVAILABLE\"} 7.0\n",
            "\nexeat_dependency_up{name=\"vault\"} 0.0\n",
            "\nexeat_policy{sha256=\"ab12\"} 1.0\n",
            "\nexeat_policy_age_seconds 12.0\n");
  }

  @Test
  void noNameOfATaskOrAReasonIsInIt() throws IOException {
    assertThat(read(full(), GET)).doesNotContain("spiffe", "x-t", "is down", "sealed");
  }

  @Test
  void beforeTheBrokerIsUpItSaysWhatIsMissing() throws IOException {
    String text = read(Measured.of(vitals()), GET);
    assertThat(text)
        .contains("exeat_dependency_up{name=\"vault\"} 0.0")
        .doesNotContain("exeat_tasks");
  }

  @Test
  void nothingElseIsServed() throws IOException {
    for (String ask :
        List.of(
            "GET / HTTP/1.1\r\n\r\n",
            "POST /metrics HTTP/1.1\r\n\r\n",
            "GET /metrics/../x HTTP/1.1\r\n\r\n")) {
      assertThat(read(full(), ask)).as(ask).startsWith("HTTP/1.1 404 ");
    }
    assertThat(read(full(), "x".repeat(9000))).isEmpty();
  }

  @Test
  void onlyTheBrokersUserOpensTheSocket() throws IOException {
    Path socket = folder.resolve("run/metrics.sock");
    try (MetricsDoor _ = open(socket, full())) {
      assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(socket)))
          .isEqualTo("rw-------");
    }
    assertThat(socket).doesNotExist();
  }

  private static MetricsDoor open(Path socket, Measured measured) throws IOException {
    return MetricsDoor.open(new UnixDoorConfig(socket, Optional.empty()), () -> measured);
  }

  private String read(Measured measured, String ask) throws IOException {
    Path socket = folder.resolve("run/metrics.sock");
    try (MetricsDoor _ = open(socket, measured);
        SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX)) {
      assertThat(channel.connect(UnixDomainSocketAddress.of(socket))).isTrue();
      ByteBuffer bytes = ByteBuffer.wrap(ask.getBytes(StandardCharsets.US_ASCII));
      while (bytes.hasRemaining()) {
        var _ = channel.write(bytes);
      }
      return new String(Channels.newInputStream(channel).readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      return ""; // it was cut off
    }
  }

  private static Vitals vitals() {
    return new Vitals(
        "test",
        Optional.of("spiffe://example.org/broker"),
        Optional.empty(),
        Duration.ofSeconds(90),
        List.of(new Status.Dependency("vault", Optional.of("it is sealed"), Instant.EPOCH)),
        Optional.empty());
  }

  private static Measured full() {
    Spread issues = new Spread();
    issues.add(Duration.ofMillis(30));
    issues.add(Duration.ofSeconds(400));
    Mark mark = new Mark(new Epoch(TaskId.random(), 1), Optional.empty());
    return new Measured(
        vitals(),
        Optional.of(
            new Readings(
                new Status.Counts(3, 1, 5, 2),
                List.of(
                    new Unproven(mark, Duration.ofSeconds(61), "TARGET", "orders is down"),
                    new Unproven(mark, Duration.ofSeconds(2), "TARGET", "orders is down")),
                Map.of("Credentials.Issue", issues.seen()),
                Map.of(new Fault.Unavailable(Fault.Dependency.VAULT, "sealed", Duration.ZERO), 7L),
                new Spread().seen(),
                0)),
        Map.of("journal", issues.seen()),
        Optional.of(Duration.ofSeconds(12)),
        Optional.of("ab12"));
  }
}
