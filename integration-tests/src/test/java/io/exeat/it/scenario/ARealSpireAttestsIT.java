package io.exeat.it.scenario;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.exeat.it.environment.AgentProcess;
import io.exeat.it.environment.BrokerProcess;
import io.exeat.it.environment.Deployment;
import io.exeat.it.environment.OtherUser;
import io.exeat.it.environment.Outside;
import io.exeat.it.environment.SpireStage;
import io.exeat.it.environment.Stage;
import io.exeat.v1.DatabaseLogin;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * The whole way with a real SPIRE, which knows agents by their uid; so only a root can run it. In
 * mode WORKLOAD_API the sidecar is in a PID namespace of its own, as in a pod, and its agents have
 * PID 0.
 */
@SuppressWarnings("NullAway.Init")
final class ARealSpireAttestsIT {
  private static final String TWO =
      "the Workload API gives 2 X.509-SVIDs of %s, with the hints 'agent' and 'container'"
          .formatted(Stage.AGENT);

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
      DatabaseLogin first = agent.lent(task, Stage.READ);
      try (Connection session = outside.session(first)) {
        assertThat(agent.may("scope " + task + " 1 " + Stage.WRITE)).containsExactly("2");
        assertThat(Outside.answers(session)).isFalse();
      }
      assertThat(outside.login(first)).startsWith("28");
      DatabaseLogin second = agent.lent(task, Stage.WRITE);
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

  /** SPIRE's pod entry fits any process of the broker's user, so SPIRE would call it the agent. */
  @ParameterizedTest
  @EnumSource
  void oneOfTheBrokersOwnUserGetsNothing(SpireStage.Mode mode) {
    try (AgentProcess own = AgentProcess.start(deployment(mode).socket(), Optional.empty())) {
      assertThat(own.does("open " + Stage.READ))
          .startsWith("refused UNAUTHENTICATED UNATTESTED")
          .contains("the process runs as uid 0, which is ");
    }
    assertThat(outside.roles()).isEmpty();
  }

  @Test
  void oneOfTheBrokersOwnUserIsTakenWhereThatIsSaid() {
    Deployment.Plan usual =
        Deployment.Plan.of(Deployment.Form.ALL_IN_ONE, spire.place(SpireStage.Mode.BROKER_API));
    List<String> unsafe = List.of("env", "EXEAT_ATTESTATION_UNSAFE_SAME_USER=true");
    try (Deployment deployment =
            Deployment.start(
                usual.launchedBy(config ->
                    Stream.concat(unsafe.stream(), usual.launch().command(config).stream())
                        .toList()));
        AgentProcess own = AgentProcess.start(deployment.socket(), Optional.empty())) {
      assertThat(deployment.broker().log())
          .contains("UNSAFE: attestation.unsafe-same-user lets agents run as uid 0");
      String task = own.may("open " + Stage.READ).getFirst();
      assertThat(own.does("complete " + task)).isEqualTo("ok TASK_STATE_ENDED");
    }
  }

  @ParameterizedTest
  @EnumSource
  void aRestartOfTheSpireAgentKeepsTheTask(SpireStage.Mode mode) {
    try (AgentProcess agent = agent(mode)) {
      String task = agent.may("open " + Stage.READ).getFirst();
      DatabaseLogin login = agent.lent(task, Stage.READ);
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
      DatabaseLogin login = agent.lent(task, Stage.READ);
      long removed = System.nanoTime();
      spire.removeAgentEntry(mode);
      try {
        Duration dead = outside.awaitDead(task, removed, SpireStage.PATIENCE);
        System.out.printf(
            "figure: SPIRE entry removed to dead, %s: %d ms%n", mode, dead.toMillis());
        assertThat(outside.login(login)).startsWith("28");
        assertThat(agent.does("open " + Stage.READ))
            .startsWith("refused UNAUTHENTICATED UNATTESTED");
      } finally {
        spire.addAgentEntry(mode);
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
      DatabaseLogin login = agent.lent(task, Stage.READ);
      long killed = System.nanoTime();
      agent.kill();
      assertThat(outside.awaitDead(task, killed, Duration.ofSeconds(10)))
          .isLessThan(Duration.ofSeconds(1));
      assertThat(outside.login(login)).startsWith("28");
      outside.requireDead(task);
      String seen = mode == SpireStage.Mode.WORKLOAD_API ? "0" : "" + agent.pid();
      assertThat(deployment(mode).broker().log())
          .as("the PID as the broker has it")
          .contains(
              "Process %s (uid %d) is no longer vouched for: the process has exited"
                  .formatted(seen, OtherUser.AGENT));
    }
  }

  /** A pod that reaches no Vault: its sidecar brings the agent's SVID to a broker elsewhere. */
  @Test
  void aPodsSidecarRelaysWithTheAgentsSvid() {
    SpireStage.Mode mode = SpireStage.Mode.WORKLOAD_API;
    try (Deployment deployment =
            Deployment.start(Deployment.Plan.of(Deployment.Form.RELAYED, spire.place(mode)));
        AgentProcess agent = AgentProcess.start(deployment.socket(), Optional.of(OtherUser.AGENT));
        AgentProcess stranger =
            AgentProcess.start(deployment.socket(), Optional.of(OtherUser.STRANGER))) {
      assertThat(stranger.does("open " + Stage.READ))
          .startsWith("refused UNAUTHENTICATED UNATTESTED");
      String first = agent.may("open " + Stage.READ).getFirst();
      DatabaseLogin lent = agent.lent(first, Stage.READ);
      assertThat(outside.login(lent)).isEmpty();
      assertThat(agent.does("complete " + first)).isEqualTo("ok TASK_STATE_ENDED");
      assertThat(outside.login(lent)).startsWith("28");
      outside.requireDead(first);

      String task = agent.may("open " + Stage.READ).getFirst();
      DatabaseLogin login = agent.lent(task, Stage.READ);
      long removed = System.nanoTime();
      spire.removeAgentEntry(mode);
      try {
        outside.awaitDead(task, removed, SpireStage.PATIENCE);
        assertThat(outside.login(login)).startsWith("28");
      } finally {
        spire.addAgentEntry(mode);
      }
    }
  }

  /** There its PIDs would mean other processes to the SPIRE agent, whose SVIDs it would get. */
  @ParameterizedTest
  @EnumSource(names = {"BROKER_API", "DELEGATED"})
  void whoSendsPidsDoesNotStartInAnotherPidNamespace(SpireStage.Mode mode) {
    Deployment.Plan apart =
        Deployment.Plan.of(Deployment.Form.ALL_IN_ONE, spire.place(mode))
            .launchedBy(BrokerProcess.AS_PACKAGED.inAPod());
    try (Deployment starting = Deployment.begin(apart)) {
      await().atMost(Duration.ofSeconds(60)).until(() -> !starting.broker().isAlive());
      assertThat(starting.broker().log())
          .contains("cannot start: the SPIRE agent at ", "is in another PID namespace")
          .contains("or use attestation mode workload-api");
    }
  }

  /** Nobody says which of two is meant: neither is, until one is removed or a hint says it. */
  @Test
  void aSecondEntryOfTheAgentIsTakenOnlyByItsHint() {
    SpireStage.Mode mode = SpireStage.Mode.WORKLOAD_API;
    try (Deployment guessing = Deployment.start(withoutHint());
        AgentProcess agent = AgentProcess.start(guessing.socket(), Optional.of(OtherUser.AGENT));
        AgentProcess other = agent(mode)) {
      String task = agent.may("open " + Stage.READ).getFirst();
      DatabaseLogin login = agent.lent(task, Stage.READ);
      long added = System.nanoTime();
      String second = spire.entitleAgain("container");
      try {
        outside.awaitDead(task, added, SpireStage.PATIENCE);
        assertThat(outside.login(login)).startsWith("28");
        assertThat(agent.does("open " + Stage.READ))
            .startsWith("refused UNAUTHENTICATED UNATTESTED");
        assertThat(guessing.broker().log()).contains(TWO + "; none of them is taken");

        try (Deployment starting = Deployment.begin(withoutHint())) {
          await().atMost(Duration.ofSeconds(60)).until(() -> !starting.broker().isAlive());
          assertThat(starting.broker().log())
              .contains(
                  "cannot start: " + TWO, "Set attestation.hint to the hint of the right one");
        }

        String hinted = other.may("open " + Stage.READ).getFirst();
        DatabaseLogin lent = other.lent(hinted, Stage.READ);
        assertThat(outside.login(lent)).isEmpty();
        assertThat(other.does("complete " + hinted)).isEqualTo("ok TASK_STATE_ENDED");
      } finally {
        spire.remove(second);
      }
      await()
          .atMost(SpireStage.PATIENCE)
          .until(() -> agent.does("open " + Stage.READ).startsWith("ok"));
    }
  }

  private static Deployment.Plan withoutHint() {
    Deployment.Plan usual =
        Deployment.Plan.of(Deployment.Form.ALL_IN_ONE, spire.place(SpireStage.Mode.WORKLOAD_API));
    return usual.launchedBy(config -> {
      try {
        Files.writeString(config, Files.readString(config).replace(", hint: agent,", ","));
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
      return usual.launch().command(config);
    });
  }
}
