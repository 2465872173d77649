package io.exeat.it.scenario;

import static org.assertj.core.api.Assertions.assertThat;

import io.exeat.it.environment.Client;
import io.exeat.it.environment.McpClient;
import io.exeat.it.environment.McpStage;
import io.exeat.it.environment.RecordingUpstream;
import io.exeat.v1.GetRequest;
import io.exeat.v1.StatusRequest;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Agents, operators and tool servers are served by event loops of their own, so that a loop that is
 * busy with one side's work keeps none of the others waiting. Which loop works is the kernel's
 * word: a thread that has slept and runs again was woken for something.
 */
@Timeout(300)
final class NoSideWaitsForAnothersLoopIT {
  private static final int CALLS = 60;

  /** As many as timers wake a loop in the time of these calls. */
  private static final long HARDLY = CALLS / 3;

  private static final String AGENTS = "exeat-door";
  private static final String OPERATORS = "exeat-operator";
  private static final String TOOLS = "exeat-tools";

  @Test
  void aCallWakesTheLoopOfItsSideAlone() {
    try (RecordingUpstream upstream = RecordingUpstream.start();
        McpStage stage =
            McpStage.start(McpStage.at("recording", upstream.address(), List.of("read")));
        McpClient tools = stage.client("recording");
        Client agent = new Client(stage.broker().agentSocket());
        Client operator = new Client(stage.broker().adminSocket())) {
      String task = stage.open(McpStage.USE);
      GetRequest get = GetRequest.newBuilder().setTaskId(task).build();

      Map<String, Long> byOperators =
          woken(
              stage.broker().pid(),
              () -> operator.admin().status(StatusRequest.getDefaultInstance()).isInitialized());
      Map<String, Long> byAgents =
          woken(stage.broker().pid(), () -> agent.tasks().get(get).isInitialized());
      Map<String, Long> byTools =
          woken(stage.broker().pid(), () -> tools.call(task, 1, "read", "{}").json().has("result"));

      assertThat(byOperators.get(OPERATORS)).isGreaterThanOrEqualTo(CALLS);
      assertThat(byOperators.getOrDefault(AGENTS, 0L)).isLessThan(HARDLY);
      assertThat(byOperators.getOrDefault(TOOLS, 0L)).isLessThan(HARDLY);
      assertThat(byAgents.get(AGENTS)).isGreaterThanOrEqualTo(CALLS);
      assertThat(byAgents.getOrDefault(OPERATORS, 0L)).isLessThan(HARDLY);
      assertThat(byAgents.getOrDefault(TOOLS, 0L)).isLessThan(HARDLY);
      assertThat(upstream.calls()).hasSize(CALLS);
      assertThat(byTools.get(TOOLS)).as("what waits for a server").isGreaterThanOrEqualTo(CALLS);
      assertThat(byTools.getOrDefault(OPERATORS, 0L)).isLessThan(HARDLY);
    }
  }

  private interface Call {
    boolean isAnswered();
  }

  /** How often the loops of each name were woken by so many calls. */
  private static Map<String, Long> woken(long pid, Call call) {
    Map<String, Long> woken = sleeps(pid);
    for (int i = 0; i < CALLS; i++) {
      assertThat(call.isAnswered()).isTrue();
    }
    Map<String, Long> after = sleeps(pid);
    after.replaceAll((name, times) -> times - woken.getOrDefault(name, 0L));
    return after;
  }

  /** How often they have gone to sleep of their own, together. */
  private static Map<String, Long> sleeps(long pid) {
    Map<String, Long> sleeps = new TreeMap<>();
    try (Stream<Path> threads = Files.list(Path.of("/proc", Long.toString(pid), "task"))) {
      for (Path thread : threads.toList()) {
        String name = Files.readString(thread.resolve("comm")).strip();
        for (String side : List.of(AGENTS, OPERATORS, TOOLS)) {
          if (name.startsWith(side)) {
            sleeps.merge(side, voluntary(thread), Long::sum);
          }
        }
      }
      return sleeps;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static long voluntary(Path thread) throws IOException {
    return Files.readAllLines(thread.resolve("status")).stream()
        .filter(line -> line.startsWith("voluntary_ctxt_switches:"))
        .mapToLong(line -> Long.parseLong(line.split("\\s+", -1)[1]))
        .sum();
  }
}
