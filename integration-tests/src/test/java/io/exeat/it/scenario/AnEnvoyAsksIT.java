package io.exeat.it.scenario;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.exeat.base.Time;
import io.exeat.identity.IdentityConfig;
import io.exeat.identity.SpiffeTls;
import io.exeat.identity.SpiffeTransport;
import io.exeat.identity.TestIdentity;
import io.exeat.identity.workload.WorkloadIdentity;
import io.exeat.it.Needs;
import io.exeat.it.environment.Anybody;
import io.exeat.it.environment.BrokerProcess;
import io.exeat.it.environment.Client;
import io.exeat.it.environment.Deployment;
import io.exeat.it.environment.Envoy;
import io.exeat.it.environment.Packaged;
import io.exeat.it.environment.Recorder;
import io.exeat.it.environment.Stage;
import io.exeat.v1.Binding;
import io.exeat.v1.CompleteRequest;
import io.exeat.v1.Task;
import io.exeat.v1.TaskState;
import io.spiffe.spiffeid.SpiffeId;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Clock;
import java.time.Duration;
import java.util.Base64;
import java.util.List;
import java.util.Objects;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/**
 * The packaged broker behind a real Envoy: what the upstream gets is a database user of the task's
 * own, and it is dead when the task is.
 */
final class AnEnvoyAsksIT {
  private static final SpiffeId ENVOY = SpiffeId.parse("spiffe://example.org/host/h1/envoy");
  private static final Time TIME = new Time(Clock.systemUTC(), System::nanoTime);
  private static final String UPSTREAMS =
      """
      upstreams:
        tracker:
          grant: orders-proxied
          url: "http://127.0.0.1:8000/mcp"
          definitions: unsafe-any
          headers: [{name: Authorization, value: "Basic {basic}"}]
          tools:
            find: {step: retrieve, risk: 10}
            purge: {step: retrieve, risk: 95}
      """;

  private final Path envoyBinary = Needs.part("envoy", Envoy.binary());
  private final Stage stage = Stage.get();
  private final Path folder = stage.newFolder("e");

  /** With the upstream in its catalogue, and a door for Envoys. */
  private List<String> launch(Path config) {
    try {
      String yaml = Files.readString(config);
      Matcher catalogue = Pattern.compile("catalogue: \\{path: ([^}]*)}").matcher(yaml);
      assertThat(catalogue.find()).isTrue();
      Path own = folder.resolve("catalogue.yaml");
      Files.writeString(own, Files.readString(Path.of(catalogue.group(1))) + UPSTREAMS);
      Files.writeString(
          config,
          yaml.replace(catalogue.group(1), own.toString())
              + "ext-authz: {path: %s, agents: \"spiffe://example.org/host/h1/agent/*\", audience: exeat}\n"
                  .formatted(authz()));
      return Packaged.command("run", "--config", config.toString());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private Path authz() {
    return folder.resolve("run").resolve("authz.sock");
  }

  private HttpClient agent() {
    TestIdentity identity =
        new TestIdentity(
            stage.authority().issue(Stage.AGENT, Duration.ofHours(1)),
            stage.authority().authority());
    return HttpClient.newBuilder()
        .sslContext(new SpiffeTls(identity, TIME).context(ENVOY::equals))
        .build();
  }

  private static HttpResponse<String> call(
      Envoy envoy, HttpClient client, String tool, String... headers)
      throws IOException, InterruptedException {
    HttpRequest.Builder request =
        HttpRequest.newBuilder(URI.create("https://127.0.0.1:" + envoy.port() + "/mcp/tracker"))
            .timeout(Duration.ofSeconds(30))
            .header("content-type", "application/json")
            .POST(
                BodyPublishers.ofString(
                    "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"tools/call\",\"params\":{\"name\":\"%s\",\"arguments\":{}}}"
                        .formatted(tool)));
    for (int i = 0; i < headers.length; i += 2) {
      request.setHeader(headers[i], headers[i + 1]);
    }
    return client.send(request.build(), BodyHandlers.ofString());
  }

  @Test
  void whatTheUpstreamGetsLivesAsLongAsTheTask() throws Exception {
    BrokerProcess.Launch launch = this::launch;
    Deployment.Plan plan = Deployment.Plan.of(Deployment.Form.ALL_IN_ONE).launchedBy(launch);
    try (Recorder upstream = new Recorder();
        Deployment deployment = Deployment.start(plan);
        Client client = deployment.client();
        Envoy envoy =
            Envoy.start(
                envoyBinary,
                folder,
                new Envoy.Place(
                    stage.authority().issue(ENVOY, Duration.ofHours(1)),
                    stage.authority().authority(),
                    authz(),
                    upstream.port()))) {
      HttpClient agent = agent();
      Task task =
          client
              .tasks()
              .open(Client.asking("orders-proxied").setBinding(Binding.BINDING_IDENTITY).build());

      // Until it is warm and Envoy has seen that it is, nothing gets through; then the first does.
      HttpResponse<String> first = call(envoy, agent, "find");
      while (first.statusCode() == 503) {
        assertThat(upstream.reached()).isEmpty();
        first = call(envoy, agent, "find");
      }
      assertThat(first.statusCode()).as(first.body()).isEqualTo(200);
      assertThat(first.body()).contains("\"result\":{}");
      String[] login = basic(upstream.reached().getFirst());
      assertThat(login[0]).as("a user of the task's own").startsWith("x-" + task.getId());
      try (Connection session = login(login)) {
        assertThat(session.isValid(5)).isTrue();
      }
      assertThat(call(envoy, agent, "find", "exeat-task", task.getId()).statusCode())
          .isEqualTo(200);
      assertThat(basic(upstream.reached().getLast())).as("the same user").isEqualTo(login);

      HttpResponse<String> denied = call(envoy, agent, "purge");
      assertThat(denied.statusCode()).isEqualTo(200);
      assertThat(denied.body()).contains("\"isError\":true", "approval of operator");
      assertThat(call(envoy, agent, "other").body()).contains("Unknown tool: other");
      assertThat(upstream.reached()).hasSize(2);

      tokens(envoy, upstream);

      Task ended =
          client.tasks().complete(CompleteRequest.newBuilder().setTaskId(task.getId()).build());
      assertThat(ended.getState()).isEqualTo(TaskState.TASK_STATE_ENDED);
      assertThatThrownBy(() -> login(login)).isInstanceOf(SQLException.class);
      int before = upstream.reached().size();
      assertThat(call(envoy, agent, "find", "exeat-task", task.getId()).body())
          .contains("\"isError\":true", "is over");
      assertThat(upstream.reached()).hasSize(before);

      StringBuilder said = new StringBuilder(deployment.broker().log());
      try (var files = Files.list(deployment.broker().audit())) {
        for (Path file : files.filter(it -> it.toString().endsWith(".jsonl")).toList()) {
          said.append(Files.readString(file));
        }
      }
      assertThat(said).contains("\"door\":\"extauthz\"").doesNotContain(login[1]);
    }
  }

  /** An agent without a certificate. */
  private void tokens(Envoy envoy, Recorder upstream) throws Exception {
    HttpClient nobody = HttpClient.newBuilder().sslContext(Anybody.context()).build();
    int before = upstream.reached().size();
    assertThat(call(envoy, nobody, "find").statusCode()).isEqualTo(401);
    try (SpiffeTransport transport = new SpiffeTransport();
        WorkloadIdentity identity =
            new WorkloadIdentity(
                    new IdentityConfig(
                        stage.authority().workloadSocket(),
                        Stage.AGENT,
                        "",
                        Duration.ofSeconds(20)),
                    transport,
                    TIME)
                .await()) {
      String other = identity.jwt("other", Duration.ofSeconds(10));
      String own = identity.jwt("exeat", Duration.ofSeconds(10));
      String forged = own.substring(0, own.length() - 4) + "AAAA";
      for (String token : List.of(other, forged, "x")) {
        assertThat(call(envoy, nobody, "find", "Authorization", "Bearer " + token).statusCode())
            .isEqualTo(401);
      }
      assertThat(upstream.reached()).hasSize(before);
      await()
          .atMost(Duration.ofSeconds(20))
          .until(() ->
              call(envoy, nobody, "find", "Authorization", "Bearer " + own).statusCode() == 200);
      assertThat(upstream.reached().getLast().headers().toString()).doesNotContain(own);
    }
  }

  private static String[] basic(Recorder.Request request) {
    String header = Objects.requireNonNull(request.headers().get("Authorization")).getFirst();
    return new String(Base64.getDecoder().decode(header.substring("Basic ".length())), UTF_8)
        .split(":", 2);
  }

  private Connection login(String[] login) throws SQLException {
    return stage.postgres().connect(Stage.DATABASE, login[0], login[1]);
  }
}
