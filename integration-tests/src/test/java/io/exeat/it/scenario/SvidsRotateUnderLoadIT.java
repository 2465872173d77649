package io.exeat.it.scenario;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.exeat.it.environment.Client;
import io.exeat.it.environment.Deployment;
import io.exeat.it.environment.Outside;
import io.exeat.it.environment.Stage;
import io.exeat.v1.CompleteRequest;
import io.exeat.v1.GetRequest;
import io.exeat.v1.StatusRequest;
import io.exeat.v1.Task;
import io.exeat.v1.TaskEvent;
import io.exeat.v1.TaskState;
import io.exeat.v1.WatchRequest;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Every certificate changes several times while calls and streams are in flight: none fails. */
final class SvidsRotateUnderLoadIT {
  private static final Duration LOAD = Duration.ofSeconds(20);
  private static final int CALLERS = 4;
  private static final int STREAMS = 6;

  private final Queue<Throwable> failures = new ConcurrentLinkedQueue<>();
  private final AtomicInteger calls = new AtomicInteger();

  @ParameterizedTest
  @EnumSource
  void noCallAndNoStreamFails(Deployment.Form form) throws Exception {
    Stage stage = Stage.get();
    Set<String> certificates = ConcurrentHashMap.newKeySet();
    Set<String> connections = ConcurrentHashMap.newKeySet();
    try (Outside outside = new Outside(stage);
        Deployment deployment = Deployment.start(Deployment.Plan.of(form).withBriefSvids());
        Client client = deployment.client();
        Client broker = deployment.operator();
        Client front = new Client(deployment.front().adminSocket());
        ExecutorService work = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Task> watched = new ArrayList<>();
      List<Future<List<TaskEvent>>> streams = new ArrayList<>();
      for (int i = 0; i < STREAMS; i++) {
        Task task = client.open(Stage.READ);
        watched.add(task);
        streams.add(work.submit(() -> all(client, task)));
      }
      long end = System.nanoTime() + LOAD.toNanos();
      List<Future<?>> callers = new ArrayList<>();
      for (int i = 0; i < CALLERS; i++) {
        callers.add(
            work.submit(() -> {
              while (System.nanoTime() < end) {
                attempt(client);
              }
            }));
      }
      while (System.nanoTime() < end) {
        certificates.add("broker " + expiry(broker));
        certificates.add("front " + expiry(front));
        connections.addAll(deployment.relayed());
        stage.authority().rotate();
        TimeUnit.SECONDS.sleep(2);
      }
      for (Future<?> caller : callers) {
        caller.get(60, TimeUnit.SECONDS);
      }
      for (Task task : watched) {
        complete(client, task);
      }
      for (Future<List<TaskEvent>> stream : streams) {
        List<TaskEvent> events = stream.get(30, TimeUnit.SECONDS);
        assertThat(events)
            .extracting(TaskEvent::getEventCase)
            .containsExactly(
                TaskEvent.EventCase.SNAPSHOT,
                TaskEvent.EventCase.ENDING,
                TaskEvent.EventCase.ENDED);
      }
      System.out.printf(
          "rotation, %s: %d calls and %d streams, %d own SVIDs seen, %d connections of the relay,"
              + " %d failures%n",
          form,
          calls.get(),
          streams.size(),
          certificates.size(),
          connections.size(),
          failures.size());
      assertThat(failures).as(() -> deployment.broker().log()).isEmpty();
      assertThat(certificates.stream().filter(it -> it.startsWith("broker")))
          .as("SVIDs of the broker")
          .hasSizeGreaterThan(3);
      assertThat(certificates.stream().filter(it -> it.startsWith("front")))
          .as("SVIDs of the sidecar")
          .hasSizeGreaterThan(3);
      if (form == Deployment.Form.RELAYED) {
        assertThat(connections).as("each with another SVID of the agent").hasSizeGreaterThan(3);
      }
      await().atMost(Duration.ofSeconds(10)).until(() -> outside.roles().isEmpty());
    }
  }

  private void attempt(Client client) {
    try {
      Task task = client.open(Stage.READ);
      var _ = client.issue(task, Stage.READ);
      for (int i = 0; i < 20; i++) {
        Task now = client.tasks().get(GetRequest.newBuilder().setTaskId(task.getId()).build());
        assertThat(now.getState()).isEqualTo(TaskState.TASK_STATE_OPEN);
      }
      complete(client, task);
      calls.addAndGet(23);
    } catch (RuntimeException | AssertionError e) {
      failures.add(e);
    }
  }

  private static void complete(Client client, Task task) {
    var _ = client.tasks().complete(CompleteRequest.newBuilder().setTaskId(task.getId()).build());
  }

  private static String expiry(Client operator) {
    return operator
        .admin()
        .status(StatusRequest.getDefaultInstance())
        .getSvidExpiresAt()
        .toString();
  }

  private List<TaskEvent> all(Client client, Task task) {
    List<TaskEvent> events = new ArrayList<>();
    try {
      Iterator<TaskEvent> stream =
          client.streams().watch(WatchRequest.newBuilder().setTaskId(task.getId()).build());
      stream.forEachRemaining(events::add);
    } catch (RuntimeException e) {
      failures.add(e);
    }
    return events;
  }
}
