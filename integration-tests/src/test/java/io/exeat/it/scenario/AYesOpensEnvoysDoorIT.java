package io.exeat.it.scenario;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.tuple;

import com.fasterxml.jackson.databind.JsonNode;
import io.exeat.it.environment.Deployment;
import io.exeat.it.environment.EnvoyStage;
import io.exeat.it.environment.Exeat;
import io.exeat.it.environment.Exeat.Said;
import io.exeat.it.environment.Recorder;
import io.exeat.it.environment.Stage;
import io.exeat.v1.Task;
import io.spiffe.spiffeid.SpiffeId;
import java.net.http.HttpResponse;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/**
 * The policies that ship ask an operator for a risk of 90 and more. Through a real Envoy, their yes
 * is one to the call that they saw, once; the person comes over mTLS.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
final class AYesOpensEnvoysDoorIT {
  private static final SpiffeId GRACE = Stage.OPERATORS.getLast();
  private static final String OLD = "{\"before\":\"2020\",\"tags\":[\"a\",\"b\"]}";

  private final EnvoyStage envoy = EnvoyStage.start(Deployment.Plan.of(Deployment.Form.RELAYED));
  private final Task task = envoy.openTask();

  @AfterAll
  void close() {
    envoy.close();
  }

  @Test
  void theCallThatWasApprovedReachesTheUpstreamOnce() {
    assertThat(envoy.firstCall("find").statusCode()).isEqualTo(200);
    List<String> before = purges();
    assertThat(before).isEmpty();

    String asked = waits(envoy.callWith("purge", OLD));
    Said list = approval("list");
    assertThat(list.out()).contains(asked, "tracker.purge", "2020", "needs    the yes of operator");
    Said yes = approval("approve", asked, "--reason", "checked");
    assertThat(yes.code()).as("%s", yes).isZero();

    // Not what was seen, so nobody said yes to it; and the yes is still there afterwards.
    for (String other :
        List.of(
            "{}",
            OLD.replace("2020", "2021"),
            OLD.replace("\"a\",\"b\"", "\"b\",\"a\""),
            OLD.replace("}", ",\"force\":true}"))) {
      assertThat(waits(envoy.callWith("purge", other))).isNotEqualTo(asked);
    }
    assertThat(purges()).isEmpty();

    HttpResponse<String> permitted = envoy.callWith("purge", OLD);

    assertThat(permitted.statusCode()).as(permitted.body()).isEqualTo(200);
    assertThat(EnvoyStage.json(permitted).at("/result").isEmpty()).as(permitted.body()).isTrue();
    String decision = permitted.headers().firstValue("exeat-decision").orElseThrow();
    assertThat(purges()).containsExactly(OLD);
    String again = waits(envoy.callWith("purge", OLD));
    assertThat(again).isNotIn(asked, decision);
    assertThat(purges()).containsExactly(OLD);
    assertThat(records())
        .containsExactly(
            tuple("approval.given", task.getId(), asked, ""),
            tuple("approval.used", task.getId(), asked, decision));
  }

  @Test
  void aNoIsSaidToTheAgentAndNothingReachesTheUpstream() {
    var _ = envoy.firstCall("find");
    int before = envoy.reached().size();
    String asked = waits(envoy.callWith("purge", "{\"before\":\"1999\"}"));

    Said no = approval("reject", asked, "--reason", "keep them");

    assertThat(no.code()).as("%s", no).isZero();
    HttpResponse<String> denied = envoy.callWith("purge", "{\"before\":\"1999\"}");
    JsonNode result = EnvoyStage.json(denied).path("result");
    assertThat(result.path("isError").asBoolean()).as(denied.body()).isTrue();
    assertThat(result.at("/content/0/text").asText()).contains("keep them");
    assertThat(result.at("/_meta").has("io.exeat/approvers")).isFalse();
    assertThat(envoy.reached()).hasSize(before);
  }

  /** The decision that it waits under, when that is what it was answered. */
  private String waits(HttpResponse<String> answer) {
    JsonNode said = EnvoyStage.json(answer);
    JsonNode meta = said.at("/result/_meta");
    assertThat(answer.statusCode()).isEqualTo(200);
    assertThat(said.path("id").asInt()).isEqualTo(7);
    assertThat(said.at("/result/isError").asBoolean()).as(answer.body()).isTrue();
    assertThat(meta.path("io.exeat/approvers"))
        .extracting(JsonNode::asText)
        .containsExactly("operator");
    assertThat(meta.path("io.exeat/retry-after").asInt()).isPositive();
    String decision = meta.path("io.exeat/decision").asText();
    assertThat(said.at("/result/content/0/text").asText()).contains(decision, "operator");
    return decision;
  }

  private Said approval(String command, String... more) {
    List<String> words = new ArrayList<>(List.of("approval", command, "--to"));
    words.add(envoy.deployment().address());
    words.addAll(List.of(more));
    return Exeat.overTcp(GRACE).run(words.toArray(String[]::new));
  }

  /** What the upstream was told to purge, each time that it was. */
  private List<String> purges() {
    return envoy.reached().stream()
        .map(Recorder.Request::body)
        .map(Said::line)
        .map(it -> it.path("params"))
        .filter(it -> it.path("name").asText().equals("purge"))
        .map(it -> it.path("arguments").toString())
        .toList();
  }

  private List<org.assertj.core.groups.Tuple> records() {
    return envoy.records("approval.").stream()
        .map(it ->
            tuple(
                it.path("kind").asText(),
                it.path("task").asText(),
                it.path("asked").asText(),
                it.path("decision").asText()))
        .toList();
  }
}
