package io.exeat.it.scenario;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import io.exeat.it.environment.Client;
import io.exeat.it.environment.Deployment;
import io.exeat.it.environment.Exeat;
import io.exeat.it.environment.Exeat.Said;
import io.exeat.it.environment.Outside;
import io.exeat.it.environment.Refusal;
import io.exeat.it.environment.Stage;
import io.exeat.v1.CheckRequest;
import io.exeat.v1.CompleteRequest;
import io.exeat.v1.PolicyStatus;
import io.exeat.v1.StatusRequest;
import io.exeat.v1.Task;
import java.io.IOException;
import java.io.UncheckedIOException;
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
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Who watches a broker reads what it counts, while it works and while something is away. */
final class FiguresAreReadIT {
  private static final Duration SOON = Duration.ofSeconds(30);

  private final Stage stage = Stage.get();
  private final Outside outside = new Outside(stage);

  @AfterEach
  void close() {
    outside.awaitNothingLent(SOON);
    outside.close();
  }

  @Test
  void whatIsOpenRevokingAndRefusedIsCounted() throws IOException {
    try (Deployment deployment = Deployment.start(Deployment.Plan.of(Deployment.Form.ALL_IN_ONE));
        Client client = deployment.client()) {
      Path socket = deployment.folder().resolve("run/metrics.sock");
      assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(socket)))
          .isEqualTo("rw-------");
      Task task = client.open(Stage.READ);
      var _ = client.issue(task, Stage.READ);
      assertThat(Refusal.of(() -> client.issue(task, Stage.WRITE)).reason())
          .isEqualTo("OUT_OF_SCOPE");
      long before = resident(deployment.broker().pid());
      String working = read(socket);
      long after = resident(deployment.broker().pid());
      assertThat(working)
          .contains(
              "\nexeat_tasks{state=\"open\"} 1.0\n",
              "\nexeat_credentials{state=\"active\"} 1.0\n",
              "\nexeat_call_seconds_count{method=\"Credentials.Issue\"} 1\n",
              "\nexeat_refusals_total{away=\"\",reason=\"OUT_OF_SCOPE\"} 1.0\n",
              "\nexeat_dependency_up{name=\"orders-db\"} 1.0\n",
              "\nexeat_policy_age_seconds ")
          .containsPattern("exeat_write_seconds_count\\{file=\"audit\"} [1-9]")
          .containsPattern("exeat_write_seconds_count\\{file=\"journal\"} [1-9]")
          .doesNotContain(task.getId());
      stage.postgres().stop();
      try {
        var _ =
            client
                .tasks()
                .withDeadlineAfter(Duration.ofSeconds(2))
                .complete(CompleteRequest.newBuilder().setTaskId(task.getId()).build());
        await()
            .atMost(SOON)
            .until(() -> read(socket).contains("\nexeat_revocations{waits_for=\"TARGET\"} 1.0\n"));
        assertThat(read(socket))
            .contains("\nexeat_credentials{state=\"revoking\"} 1.0\n")
            .containsPattern("exeat_revocation_oldest_seconds\\{waits_for=\"TARGET\"} [0-9]");
      } finally {
        stage.postgres().start();
      }
      outside.awaitNothingLent(SOON);
      await()
          .atMost(SOON)
          .until(() -> read(socket).contains("\nexeat_credentials{state=\"revoking\"} 0.0\n"));
      assertThat(read(socket))
          .contains("\nexeat_death_seconds_count{of=\"all\"} 1\n")
          .doesNotContain("exeat_revocations{");
      System.out.printf(
          "figure: the first reading of the figures: %d bytes, %d kB of memory before, %d kB"
              + " after%n",
          working.length(), before, after);
    }
  }

  /** What operators compare over a fleet: the hash of what each broker decides by. */
  @Test
  void whichPoliciesAreInForceIsSaidAndWhetherOthersWereRefused() throws IOException {
    Path policies = stage.newFolder("policies");
    Files.writeString(
        policies.resolve("all.cedar"), "@id(\"all\") permit (principal, action, resource);\n");
    try (Deployment deployment =
            Deployment.start(
                Deployment.Plan.of(Deployment.Form.ALL_IN_ONE).withPolicies(policies));
        Client client = deployment.client();
        Client operator = deployment.operator()) {
      Task task = client.open(Stage.READ);
      CheckRequest ask =
          CheckRequest.newBuilder().setTaskId(task.getId()).setGrant(Stage.READ).build();
      String decided = client.decisions().check(ask).getPolicySha256();
      PolicyStatus taken = policies(operator);
      assertThat(taken.getSha256()).isEqualTo(decided).hasSize(64);
      assertThat(taken.hasAge()).isTrue();
      assertThat(taken.getReloadFailed()).isFalse();

      Files.writeString(policies.resolve("more.cedar"), "@id(\"more\") forbid (principal");

      await().atMost(SOON).until(() -> policies(operator).getReloadFailed());
      PolicyStatus kept = policies(operator);
      assertThat(kept.getSha256()).isEqualTo(decided);
      assertThat(age(kept)).isGreaterThan(age(taken));
      Exeat people = Exeat.asOperator().with("EXEAT_ADMIN_PATH", deployment.broker().adminSocket());
      Said said = people.run("status");
      assertThat(said.code()).as("%s", said).isEqualTo(3);
      assertThat(said.out().lines())
          .anyMatch(it -> it.matches("policies     " + decided + ", taken .+ ago; .* FAILED"))
          .anyMatch(it -> it.startsWith("policy       AWAY since ") && it.contains("more.cedar"));

      Files.writeString(
          policies.resolve("more.cedar"), "@id(\"more\") permit (principal, action, resource);\n");

      await().atMost(SOON).until(() -> !policies(operator).getReloadFailed());
      String now = client.decisions().check(ask).getPolicySha256();
      assertThat(now).isNotEqualTo(decided);
      JsonNode json = people.run("status", "--json").json().path("policy");
      assertThat(json.path("sha256").asText()).isEqualTo(now);
      assertThat(json.path("reloadFailed").isBoolean()).isTrue();
      assertThat(json.path("reloadFailed").asBoolean()).isFalse();
      assertThat(read(deployment.folder().resolve("run/metrics.sock")))
          .contains("\nexeat_policy{sha256=\"" + now + "\"} 1.0\n");
    }
  }

  private static PolicyStatus policies(Client operator) {
    return operator.admin().status(StatusRequest.getDefaultInstance()).getPolicy();
  }

  private static Duration age(PolicyStatus policies) {
    return Duration.ofSeconds(policies.getAge().getSeconds(), policies.getAge().getNanos());
  }

  private static long resident(long pid) throws IOException {
    return Files.readAllLines(Path.of("/proc", Long.toString(pid), "status")).stream()
        .filter(line -> line.startsWith("VmRSS:"))
        .mapToLong(line -> Long.parseLong(line.replaceAll("[^0-9]", "")))
        .findFirst()
        .orElseThrow();
  }

  private static String read(Path socket) {
    try (SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX)) {
      assertThat(channel.connect(UnixDomainSocketAddress.of(socket))).isTrue();
      byte[] ask =
          "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n".getBytes(StandardCharsets.US_ASCII);
      var _ = channel.write(ByteBuffer.wrap(ask));
      return new String(Channels.newInputStream(channel).readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
