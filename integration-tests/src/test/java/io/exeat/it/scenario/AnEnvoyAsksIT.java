package io.exeat.it.scenario;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.exeat.base.Time;
import io.exeat.identity.IdentityConfig;
import io.exeat.identity.SpiffeTransport;
import io.exeat.identity.workload.WorkloadIdentity;
import io.exeat.it.environment.Anybody;
import io.exeat.it.environment.Deployment;
import io.exeat.it.environment.EnvoyStage;
import io.exeat.it.environment.Recorder;
import io.exeat.it.environment.Stage;
import io.exeat.v1.CompleteRequest;
import io.exeat.v1.Task;
import io.exeat.v1.TaskState;
import java.net.http.HttpClient;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Clock;
import java.time.Duration;
import java.util.Base64;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;

/**
 * The packaged broker behind a real Envoy: what the upstream gets is a database user of the task's
 * own, and it is dead when the task is.
 */
final class AnEnvoyAsksIT {
  private static final Time TIME = new Time(Clock.systemUTC(), System::nanoTime);

  @Test
  void whatTheUpstreamGetsLivesAsLongAsTheTask() throws Exception {
    Deployment.Plan plan = Deployment.Plan.of(Deployment.Form.ALL_IN_ONE);
    try (EnvoyStage envoy = EnvoyStage.start(plan)) {
      Task task = envoy.openTask();

      HttpResponse<String> first = envoy.firstCall("find");
      assertThat(first.statusCode()).as(first.body()).isEqualTo(200);
      assertThat(first.body()).contains("\"result\":{}");
      String[] login = basic(envoy.reached().getFirst());
      assertThat(login[0]).as("a user of the task's own").startsWith("x-" + task.getId());
      try (Connection session = login(login)) {
        assertThat(session.isValid(5)).isTrue();
      }
      assertThat(envoy.call("find", "exeat-task", task.getId()).statusCode()).isEqualTo(200);
      assertThat(basic(envoy.reached().getLast())).as("the same user").isEqualTo(login);

      HttpResponse<String> denied = envoy.call("purge");
      assertThat(denied.statusCode()).isEqualTo(200);
      assertThat(denied.body()).contains("\"isError\":true", "approval of operator");
      assertThat(envoy.call("other").body()).contains("Unknown tool: other");
      assertThat(envoy.reached()).hasSize(2);

      tokens(envoy);

      Task ended =
          envoy
              .client()
              .tasks()
              .complete(CompleteRequest.newBuilder().setTaskId(task.getId()).build());
      assertThat(ended.getState()).isEqualTo(TaskState.TASK_STATE_ENDED);
      assertThatThrownBy(() -> login(login)).isInstanceOf(SQLException.class);
      int before = envoy.reached().size();
      assertThat(envoy.call("find", "exeat-task", task.getId()).body())
          .contains("\"isError\":true", "is over");
      assertThat(envoy.reached()).hasSize(before);

      StringBuilder said = new StringBuilder(envoy.deployment().broker().log());
      try (var files = Files.list(envoy.deployment().broker().audit())) {
        for (Path file : files.filter(it -> it.toString().endsWith(".jsonl")).toList()) {
          said.append(Files.readString(file));
        }
      }
      assertThat(said).contains("\"door\":\"extauthz\"").doesNotContain(login[1]);
    }
  }

  /** An agent without a certificate. */
  private static void tokens(EnvoyStage envoy) throws Exception {
    HttpClient nobody = HttpClient.newBuilder().sslContext(Anybody.context()).build();
    int before = envoy.reached().size();
    assertThat(envoy.call(nobody, "find", "{}").statusCode()).isEqualTo(401);
    try (SpiffeTransport transport = new SpiffeTransport();
        WorkloadIdentity identity =
            new WorkloadIdentity(
                    new IdentityConfig(
                        Stage.get().authority().workloadSocket(),
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
        assertThat(
                envoy.call(nobody, "find", "{}", "Authorization", "Bearer " + token).statusCode())
            .isEqualTo(401);
      }
      assertThat(envoy.reached()).hasSize(before);
      await()
          .atMost(Duration.ofSeconds(20))
          .until(() ->
              envoy.call(nobody, "find", "{}", "Authorization", "Bearer " + own).statusCode()
                  == 200);
      assertThat(envoy.reached().getLast().headers().toString()).doesNotContain(own);
    }
  }

  private static String[] basic(Recorder.Request request) {
    String header = Objects.requireNonNull(request.headers().get("Authorization")).getFirst();
    return new String(Base64.getDecoder().decode(header.substring("Basic ".length())), UTF_8)
        .split(":", 2);
  }

  private static Connection login(String[] login) throws SQLException {
    return Stage.get().postgres().connect(Stage.DATABASE, login[0], login[1]);
  }
}
