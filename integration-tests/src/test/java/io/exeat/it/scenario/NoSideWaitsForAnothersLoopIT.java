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
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Agents, operators and tool servers are served by event loops of their own, so that a loop that is
 * busy with one side's work keeps none of the others waiting. Which loop works is the kernel's
 * word: the processor time of its threads.
 */
@Timeout(300)
final class NoSideWaitsForAnothersLoopIT {
  private static final int CALLS = 60;

  /** So many times more than on any other side, where timers alone take some. */
  private static final long FAR_MORE = 4;

  /** What the loops of each side worked, in nanoseconds on a processor. */
  private record Work(long agents, long operators, long tools) {
    static Work of(long pid) {
      return new Work(
          nanos(pid, "exeat-door"), nanos(pid, "exeat-operator"), nanos(pid, "exeat-tools"));
    }

    Work since(Work before) {
      return new Work(agents - before.agents, operators - before.operators, tools - before.tools);
    }
  }

  @Test
  void aCallIsWorkForTheLoopOfItsSideAlone() {
    try (RecordingUpstream upstream = RecordingUpstream.start();
        McpStage stage =
            McpStage.start(McpStage.at("recording", upstream.address(), List.of("read")));
        McpClient tools = stage.client("recording");
        Client agent = new Client(stage.broker().agentSocket());
        Client operator = new Client(stage.broker().adminSocket())) {
      String task = stage.open(McpStage.USE);
      GetRequest get = GetRequest.newBuilder().setTaskId(task).build();

      Work byOperators =
          worked(
              stage.broker().pid(),
              () -> operator.admin().status(StatusRequest.getDefaultInstance()).isInitialized());
      Work byAgents = worked(stage.broker().pid(), () -> agent.tasks().get(get).isInitialized());
      Work byTools =
          worked(
              stage.broker().pid(), () -> tools.call(task, 1, "read", "{}").json().has("result"));

      assertThat(byOperators.operators())
          .isGreaterThan(FAR_MORE * byOperators.agents())
          .isGreaterThan(FAR_MORE * byOperators.tools());
      assertThat(byAgents.agents())
          .isGreaterThan(FAR_MORE * byAgents.operators())
          .isGreaterThan(FAR_MORE * byAgents.tools());
      assertThat(upstream.calls()).hasSize(CALLS);
      assertThat(byTools.tools())
          .as("what waits for a server")
          .isGreaterThan(FAR_MORE * byTools.operators());
    }
  }

  private interface Call {
    boolean isAnswered();
  }

  /** For so many calls. */
  private static Work worked(long pid, Call call) {
    Work before = Work.of(pid);
    for (int i = 0; i < CALLS; i++) {
      assertThat(call.isAnswered()).isTrue();
    }
    return Work.of(pid).since(before);
  }

  /** Linux, Documentation/scheduler/sched-stats.rst: the first of three is time on a processor. */
  private static long nanos(long pid, String threads) {
    try (Stream<Path> all = Files.list(Path.of("/proc", Long.toString(pid), "task"))) {
      long nanos = 0;
      for (Path thread : all.toList()) {
        if (Files.readString(thread.resolve("comm")).startsWith(threads)) {
          nanos += Long.parseLong(Files.readString(thread.resolve("schedstat")).split(" ", -1)[0]);
        }
      }
      return nanos;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
