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
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** One agent asks as fast as it can: it is held to its budget, and others do not notice much. */
final class AStormIsHeldIT {
  private static final int ROUNDS = 40;
  private static final int STORMING = 24;

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
  void whatEndsDoesNotWaitForAStorm() throws InterruptedException {
    try (Deployment deployment = Deployment.start(Deployment.Plan.of(Deployment.Form.ALL_IN_ONE));
        AgentProcess calm = agent(deployment, Stage.OTHER)) {
      List<Duration> warm = ends(calm, ROUNDS / 2);
      assertThat(warm).isNotEmpty();
      List<Duration> alone = ends(calm, ROUNDS);
      AtomicBoolean storming = new AtomicBoolean(true);
      AtomicInteger lent = new AtomicInteger();
      List<Thread> storm = new ArrayList<>();
      for (int i = 0; i < STORMING; i++) {
        storm.add(Thread.ofVirtual().start(() -> storm(deployment, storming, lent)));
      }
      List<Duration> meanwhile = ends(calm, ROUNDS);
      storming.set(false);
      for (Thread each : storm) {
        each.join();
      }
      System.out.printf(
          "figure: end to proven dead, %d rounds: alone p50 %d ms p99 %d ms; while another agent"
              + " storms with %d calls at a time (%d lent) p50 %d ms p99 %d ms (load %.1f)%n",
          ROUNDS,
          at(alone, 50),
          at(alone, 99),
          STORMING,
          lent.get(),
          at(meanwhile, 50),
          at(meanwhile, 99),
          ManagementFactory.getOperatingSystemMXBean().getSystemLoadAverage());
      assertThat(lent.get()).isPositive();
      assertThat(at(meanwhile, 99)).isLessThan(5_000);
      assertThat(deployment.broker().terminate()).isZero();
    }
  }

  private static List<Duration> ends(AgentProcess agent, int rounds) {
    List<Duration> took = new ArrayList<>();
    for (int i = 0; i < rounds; i++) {
      String task = agent.may("open " + Stage.READ).getFirst();
      var _ = agent.may("issue " + task + " " + Stage.READ);
      long before = System.nanoTime();
      assertThat(agent.may("complete " + task)).containsExactly("TASK_STATE_ENDED");
      took.add(Scenarios.since(before));
    }
    took.sort(Duration::compareTo);
    return took;
  }

  private static long at(List<Duration> sorted, int percent) {
    return sorted.get(Math.min(sorted.size() - 1, sorted.size() * percent / 100)).toMillis();
  }

  private static void storm(Deployment deployment, AtomicBoolean on, AtomicInteger lent) {
    try (Client client = deployment.client()) {
      while (on.get()) {
        try {
          Task task = client.open(Stage.READ, Stage.WRITE);
          for (int i = 0; i < 4 && on.get(); i++) {
            var _ = client.issue(task, Stage.READ);
            lent.incrementAndGet();
          }
          var _ =
              client.tasks().complete(CompleteRequest.newBuilder().setTaskId(task.getId()).build());
        } catch (StatusRuntimeException e) {
          // It is refused, and comes again.
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
