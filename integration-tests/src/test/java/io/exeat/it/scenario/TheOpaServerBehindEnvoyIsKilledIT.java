package io.exeat.it.scenario;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import io.exeat.it.Needs;
import io.exeat.it.environment.Deployment;
import io.exeat.it.environment.EnvoyStage;
import io.exeat.it.environment.Opa;
import io.exeat.it.environment.Recorder;
import io.exeat.policy.PolicyFiles;
import io.exeat.v1.Task;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/** Envoy asks the broker, the broker asks an OPA server: without that, nothing gets through. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
final class TheOpaServerBehindEnvoyIsKilledIT {
  private static final Duration SOON = Duration.ofSeconds(20);
  private static final int CALLERS = 4;
  private static final int INTERNAL_ERROR = -32603;

  private final Opa opa = Opa.start(Needs.part("opa", Opa.binary()));
  private final EnvoyStage envoy = decidedBy(opa);
  private final Task task = envoy.openTask();

  private static EnvoyStage decidedBy(Opa opa) {
    opa.policy("exeat", PolicyFiles.resource("exeat.rego"));
    return EnvoyStage.start(Deployment.Plan.of(Deployment.Form.ALL_IN_ONE).withOpa(opa.address()));
  }

  @AfterAll
  void close() {
    envoy.close();
    opa.close();
  }

  /** One call and its answer; each has a number of its own among its arguments. */
  private record Call(String number, HttpResponse<String> answer) {
    boolean isPermitted() {
      return EnvoyStage.json(answer).has("result") && decision().isPresent();
    }

    java.util.Optional<String> decision() {
      return answer.headers().firstValue("exeat-decision");
    }

    JsonNode error() {
      return EnvoyStage.json(answer).path("error");
    }
  }

  @Test
  void eachCallIsAnsweredByTheDoorAndOnlyThosePermittedHaveAnEffect() throws Exception {
    assertThat(envoy.firstCall("find").statusCode()).isEqualTo(200);
    int first = envoy.reached().size();
    Queue<Call> calls = new ConcurrentLinkedQueue<>();
    AtomicBoolean over = new AtomicBoolean();
    try (ExecutorService callers = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Future<?>> running =
          IntStream.range(0, CALLERS)
              .<Future<?>>mapToObj(i -> callers.submit(() -> callUntil(over, "c" + i, calls)))
              .toList();
      try {
        await().atMost(SOON).until(() -> calls.stream().filter(Call::isPermitted).count() > 20);
        opa.kill();
        List<Call> without = Stream.generate(() -> call("w" + calls.size())).limit(3).toList();
        int reachedWithout = envoy.reached().size();
        assertThat(without).allSatisfy(TheOpaServerBehindEnvoyIsKilledIT::assertNobodyDecided);
        await().atMost(SOON).until(() -> refused(calls) > 20);
        assertThat(envoy.reached()).hasSize(reachedWithout);

        // One that is there again without its policies decides nothing either.
        opa.restart();
        assertNobodyDecided(call("empty"));
        assertThat(envoy.reached()).hasSize(reachedWithout);
        opa.policy("exeat", PolicyFiles.resource("exeat.rego"));
        await().atMost(SOON).until(() -> call("back").isPermitted());
        long permitted = calls.stream().filter(Call::isPermitted).count();
        await()
            .atMost(SOON)
            .until(() -> calls.stream().filter(Call::isPermitted).count() > permitted + 20);
      } finally {
        over.set(true);
      }
      for (Future<?> each : running) {
        var _ = each.get();
      }
    }

    assertThat(calls)
        .allSatisfy(it -> {
          if (!it.isPermitted()) {
            assertNobodyDecided(it);
          }
        });
    Map<String, Long> effects =
        envoy.reached().stream()
            .skip(first)
            .map(TheOpaServerBehindEnvoyIsKilledIT::number)
            .filter(it -> it.startsWith("c"))
            .collect(Collectors.groupingBy(Function.identity(), Collectors.counting()));
    assertThat(effects.values()).containsOnly(1L);
    assertThat(effects.keySet())
        .containsExactlyInAnyOrderElementsOf(
            calls.stream().filter(Call::isPermitted).map(Call::number).toList());
    assertThat(recorded("failed")).hasSizeGreaterThanOrEqualTo((int) refused(calls));
    assertThat(recorded("permit"))
        .containsAll(calls.stream().flatMap(it -> it.decision().stream()).toList());
  }

  private void callUntil(AtomicBoolean over, String who, Queue<Call> calls) {
    for (int i = 0; !over.get(); i++) {
      calls.add(call(who + "-" + i));
    }
  }

  private Call call(String number) {
    return new Call(number, envoy.callWith("find", "{\"number\":\"" + number + "\"}"));
  }

  private static long refused(Queue<Call> calls) {
    return calls.stream().filter(it -> !it.isPermitted()).count();
  }

  private static void assertNobodyDecided(Call call) {
    assertThat(call.answer().statusCode()).as(call.answer().body()).isEqualTo(200);
    assertThat(call.error().path("code").asInt())
        .as(call.answer().body())
        .isEqualTo(INTERNAL_ERROR);
    assertThat(call.error().path("message").asText()).contains("OPA at");
    assertThat(call.decision()).isEmpty();
  }

  private static String number(Recorder.Request request) {
    return io.exeat.it.environment.Exeat.Said.line(request.body())
        .at("/params/arguments/number")
        .asText();
  }

  /** The decisions of this task that the chain has so. */
  private List<String> recorded(String decided) {
    return envoy.records("policy.decided").stream()
        .filter(it -> it.path("task").asText().equals(task.getId()))
        .filter(it ->
            it.path("answers")
                .valueStream()
                .anyMatch(each -> each.path("decided").asText().equals(decided)))
        .map(it -> it.path("decision").asText())
        .toList();
  }
}
