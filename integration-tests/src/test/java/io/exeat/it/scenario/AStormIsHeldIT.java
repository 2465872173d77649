package io.exeat.it.scenario;

import static org.assertj.core.api.Assertions.assertThat;

import io.exeat.identity.development.Entry;
import io.exeat.it.environment.AgentProcess;
import io.exeat.it.environment.Client;
import io.exeat.it.environment.Deployment;
import io.exeat.it.environment.Outside;
import io.exeat.it.environment.Stage;
import io.exeat.v1.CompleteRequest;
import io.exeat.v1.Task;
import io.grpc.StatusRuntimeException;
import io.spiffe.spiffeid.SpiffeId;
import java.lang.management.ManagementFactory;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** One agent asks as fast as it can: it is held to its budget, and others do not notice much. */
final class AStormIsHeldIT {
  private static final int ROUNDS = 40;
  private static final int STORMING = 24;

  /** Of what takes a fraction of it: on a machine that does other things too. */
  private static final Duration GENEROUS = Duration.ofSeconds(5);

  private final Stage stage = Stage.get();
  private final Outside outside = new Outside(stage);

  @AfterEach
  void close() {
    outside.awaitNothingLent(Duration.ofSeconds(60));
    outside.close();
  }

  @Test
  void whoIsOverItsBudgetIsToldWhichAndIsLentNothing() {
    try (Deployment deployment = Deployment.start(Deployment.Plan.of(Deployment.Form.ALL_IN_ONE));
        AgentProcess hasty = agent(deployment, Stage.HASTY)) {
      String task = hasty.may("open " + Stage.READ).getFirst();
      for (int i = 0; i < 5; i++) {
        var _ = hasty.may("issue " + task + " " + Stage.READ);
      }
      assertThat(hasty.does("issue " + task + " " + Stage.READ))
          .startsWith("refused RESOURCE_EXHAUSTED EXHAUSTED")
          .contains("the limit of 5 live credentials of agent hasty is reached");
      assertThat(outside.roles(task)).hasSize(5);
      List<String> answers = new ArrayList<>();
      for (int i = 0; i < 40; i++) {
        answers.add(hasty.does("open " + Stage.READ));
      }
      assertThat(answers)
          .filteredOn(answer -> answer.contains("the limit of 20 issues a minute of agent hasty"))
          .hasSizeGreaterThan(15)
          .allMatch(answer -> answer.startsWith("refused RESOURCE_EXHAUSTED EXHAUSTED"));
      try (Client clerk = deployment.client()) {
        Task other = clerk.open(Stage.READ);
        var _ = clerk.issue(other, Stage.READ);
      }
      assertThat(hasty.may("complete " + task)).containsExactly("TASK_STATE_ENDED");
      outside.requireDead(task);
      assertThat(deployment.broker().terminate()).isZero();
    }
  }

  @Test
  void othersAreServedAndWhatEndsDoesNotWait() throws InterruptedException {
    try (Deployment deployment = Deployment.start(Deployment.Plan.of(Deployment.Form.ALL_IN_ONE));
        AgentProcess calm = agent(deployment, Stage.OTHER)) {
      Rounds warm = rounds(calm, ROUNDS / 2);
      assertThat(warm.ends()).isNotEmpty();
      Rounds alone = rounds(calm, ROUNDS);
      AtomicBoolean storming = new AtomicBoolean(true);
      AtomicInteger lent = new AtomicInteger();
      AtomicInteger refused = new AtomicInteger();
      Queue<Duration> itsEnds = new ConcurrentLinkedQueue<>();
      List<Thread> storm = new ArrayList<>();
      for (int i = 0; i < STORMING; i++) {
        storm.add(
            Thread.ofPlatform().start(() -> storm(deployment, storming, lent, refused, itsEnds)));
      }
      Rounds meanwhile = rounds(calm, ROUNDS);
      storming.set(false);
      for (Thread each : storm) {
        each.join();
      }
      System.out.printf(
          "figure: storm of %d calls at a time by another agent (%d lent, %d refused; load %.1f), %d"
              + " rounds: open and issue alone %s, meanwhile %s; end to told dead alone %s, meanwhile"
              + " %s; of the storm's own tasks %s%n",
          STORMING,
          lent.get(),
          refused.get(),
          ManagementFactory.getOperatingSystemMXBean().getSystemLoadAverage(),
          ROUNDS,
          spread(alone.issues()),
          spread(meanwhile.issues()),
          spread(alone.ends()),
          spread(meanwhile.ends()),
          spread(itsEnds));
      assertThat(lent.get()).isPositive();
      assertThat(meanwhile.issues()).hasSize(ROUNDS).allMatch(it -> it.compareTo(GENEROUS) < 0);
      assertThat(meanwhile.ends()).hasSize(ROUNDS).allMatch(it -> it.compareTo(GENEROUS) < 0);
      assertThat(itsEnds).allMatch(it -> it.compareTo(GENEROUS) < 0);
      outside.awaitNothingLent(Duration.ofSeconds(60));
      assertThat(deployment.broker().terminate()).isZero();
    }
  }

  /** How long the calls took: open and issue together, and the end. */
  private record Rounds(List<Duration> issues, List<Duration> ends) {}

  private static Rounds rounds(AgentProcess agent, int rounds) {
    List<Duration> issues = new ArrayList<>();
    List<Duration> ends = new ArrayList<>();
    for (int i = 0; i < rounds; i++) {
      long begun = System.nanoTime();
      String task = agent.may("open " + Stage.READ).getFirst();
      var _ = agent.may("issue " + task + " " + Stage.READ);
      issues.add(Scenarios.since(begun));
      long before = System.nanoTime();
      assertThat(agent.may("complete " + task)).containsExactly("TASK_STATE_ENDED");
      ends.add(Scenarios.since(before));
    }
    return new Rounds(issues, ends);
  }

  private static String spread(Collection<Duration> times) {
    List<Duration> sorted = times.stream().sorted().toList();
    return sorted.isEmpty() ? "none" : "p50 %d p99 %d ms".formatted(at(sorted, 50), at(sorted, 99));
  }

  private static long at(List<Duration> sorted, int percent) {
    return sorted.get(Math.min(sorted.size() - 1, sorted.size() * percent / 100)).toMillis();
  }

  /** Opens, issues and ends as fast as it can. */
  private static void storm(
      Deployment deployment,
      AtomicBoolean on,
      AtomicInteger lent,
      AtomicInteger refused,
      Queue<Duration> ends) {
    try (Client client = deployment.client()) {
      while (on.get()) {
        try {
          Task task = client.open(Stage.READ, Stage.WRITE);
          try {
            for (int i = 0; i < 4 && on.get(); i++) {
              var _ = client.issue(task, Stage.READ);
              lent.incrementAndGet();
            }
          } finally {
            long before = System.nanoTime();
            var _ =
                client
                    .tasks()
                    .complete(CompleteRequest.newBuilder().setTaskId(task.getId()).build());
            ends.add(Scenarios.since(before));
          }
        } catch (StatusRuntimeException e) {
          refused.incrementAndGet(); // and it comes again
        }
      }
    }
  }

  private AgentProcess agent(Deployment deployment, SpiffeId id) {
    AgentProcess agent = AgentProcess.start(deployment.socket(), Optional.empty());
    stage.authority().add(Entry.ofPid(id, agent.pid()));
    return agent;
  }
}
