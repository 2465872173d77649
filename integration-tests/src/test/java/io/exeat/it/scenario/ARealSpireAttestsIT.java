package io.exeat.it.scenario;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.exeat.it.environment.AgentProcess;
import io.exeat.it.environment.Deployment;
import io.exeat.it.environment.OtherUser;
import io.exeat.it.environment.Outside;
import io.exeat.it.environment.SpireStage;
import io.exeat.it.environment.Stage;
import io.exeat.v1.DatabaseLogin;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The whole way with a real SPIRE, which knows agents by their uid; so only a root can run it. */
@SuppressWarnings("NullAway.Init")
final class ARealSpireAttestsIT {
  private static final Map<SpireStage.Mode, Deployment> DEPLOYMENTS = new HashMap<>();
  private static SpireStage spire;

  private final Outside outside = new Outside(Stage.get());

  @BeforeAll
  static void start() {
    Assumptions.assumeTrue(OtherUser.isRoot(), "only root can start another user's process");
    spire = SpireStage.start(Stage.get());
  }

  @AfterAll
  static void stop() {
    DEPLOYMENTS.values().forEach(Deployment::close);
    DEPLOYMENTS.clear();
    if (spire != null) {
      spire.close();
    }
  }

  private static Deployment deployment(SpireStage.Mode mode) {
    return DEPLOYMENTS.computeIfAbsent(
        mode,
        it -> Deployment.start(Deployment.Plan.of(Deployment.Form.ALL_IN_ONE, spire.place(it))));
  }

  private static AgentProcess agent(SpireStage.Mode mode) {
    return AgentProcess.start(deployment(mode).socket(), Optional.of(OtherUser.AGENT));
  }

  @ParameterizedTest
  @EnumSource
  void aLeaveIsLentChangedAndEnded(SpireStage.Mode mode) throws SQLException {
    try (AgentProcess agent = agent(mode)) {
      String task = agent.may("open " + Stage.READ).getFirst();
      DatabaseLogin first = login(agent.may("issue " + task + " " + Stage.READ));
      try (Connection session = outside.session(first)) {
        assertThat(agent.may("scope " + task + " 1 " + Stage.WRITE)).containsExactly("2");
        assertThat(Outside.answers(session)).isFalse();
      }
      assertThat(outside.login(first)).startsWith("28");
      DatabaseLogin second = login(agent.may("issue " + task + " " + Stage.WRITE));
      assertThat(outside.login(second)).isEmpty();
      assertThat(agent.does("complete " + task)).isEqualTo("ok TASK_STATE_ENDED");
      assertThat(outside.login(second)).startsWith("28");
      outside.requireDead(task);
    }
  }

  @ParameterizedTest
  @EnumSource
  void anotherUserGetsNothing(SpireStage.Mode mode) {
    try (AgentProcess stranger =
        AgentProcess.start(deployment(mode).socket(), Optional.of(OtherUser.STRANGER))) {
      assertThat(stranger.does("open " + Stage.READ))
          .startsWith("refused UNAUTHENTICATED UNATTESTED");
    }
    assertThat(outside.roles()).isEmpty();
  }

  @ParameterizedTest
  @EnumSource
  void aRestartOfTheSpireAgentKeepsTheTask(SpireStage.Mode mode) {
    try (AgentProcess agent = agent(mode)) {
      String task = agent.may("open " + Stage.READ).getFirst();
      DatabaseLogin login = login(agent.may("issue " + task + " " + Stage.READ));
      spire.restartAgent();
      assertThat(outside.login(login)).isEmpty();
      await()
          .atMost(SpireStage.PATIENCE)
          .until(() -> agent.does("issue " + task + " " + Stage.READ).startsWith("ok"));
      assertThat(agent.does("get " + task)).isEqualTo("ok TASK_STATE_OPEN");
      assertThat(agent.does("complete " + task)).isEqualTo("ok TASK_STATE_ENDED");
      outside.requireDead(task);
    }
  }

  @ParameterizedTest
  @EnumSource
  void anEntryThatIsRemovedEndsTheTask(SpireStage.Mode mode) {
    try (AgentProcess agent = agent(mode)) {
      String task = agent.may("open " + Stage.READ).getFirst();
      DatabaseLogin login = login(agent.may("issue " + task + " " + Stage.READ));
      long removed = System.nanoTime();
      spire.removeAgentEntry();
      try {
        Duration dead = outside.awaitDead(task, removed, SpireStage.PATIENCE);
        System.out.printf(
            "figure: SPIRE entry removed to dead, %s: %d ms%n", mode, dead.toMillis());
        assertThat(outside.login(login)).startsWith("28");
        assertThat(agent.does("open " + Stage.READ))
            .startsWith("refused UNAUTHENTICATED UNATTESTED");
      } finally {
        spire.addAgentEntry();
      }
      await()
          .atMost(SpireStage.PATIENCE)
          .until(() -> agent.does("open " + Stage.READ).startsWith("ok"));
    }
    outside.awaitNothingLent(Duration.ofSeconds(10));
  }

  @ParameterizedTest
  @EnumSource
  void aKilledAgentsTasksEnd(SpireStage.Mode mode) {
    try (AgentProcess agent = agent(mode)) {
      String task = agent.may("open " + Stage.READ).getFirst();
      DatabaseLogin login = login(agent.may("issue " + task + " " + Stage.READ));
      long killed = System.nanoTime();
      agent.kill();
      assertThat(outside.awaitDead(task, killed, Duration.ofSeconds(10)))
          .isLessThan(Duration.ofSeconds(1));
      assertThat(outside.login(login)).startsWith("28");
      outside.requireDead(task);
    }
  }

  private static DatabaseLogin login(List<String> words) {
    return DatabaseLogin.newBuilder()
        .setDatabase("orders")
        .setUsername(words.get(0))
        .setPassword(words.get(1))
        .build();
  }
}
