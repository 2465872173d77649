package io.exeat.it.fault;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.exeat.it.checker.Verdict;
import io.exeat.it.environment.AgentProcess;
import io.exeat.it.environment.OtherUser;
import io.exeat.it.environment.SpireStage;
import io.exeat.it.environment.Stage;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;

/** The SPIRE agent restarts, its sockets go, and something else listens in their place. */
final class SpireFailsIT {
  private static final Duration PATIENCE = Duration.ofSeconds(60);

  private final Stage stage = Stage.get();

  @Test
  void nobodyElseIsBelievedAndNothingIsLost() throws IOException {
    Assumptions.assumeTrue(OtherUser.isRoot(), "only root can start another user's process");
    try (SpireStage spire = SpireStage.start(stage)) {
      Stage.Place place = spire.place(SpireStage.Mode.BROKER_API);
      try (Watched watched = Watched.start(Watched.plan(place));
          AgentProcess agent =
              AgentProcess.start(watched.deployment.socket(), Optional.of(OtherUser.AGENT))) {
        String task = agent.may("open " + Stage.READ).getFirst();
        issue(watched, agent, task);

        spire.restartAgent();
        Duration restarted = untilItIssues(watched, agent, task);

        Path socket = place.attestation();
        spire.stopAgent(); // or its connections would outlive its socket
        Files.deleteIfExists(socket);
        AtomicInteger asked = new AtomicInteger();
        try (ServerSocketChannel fake = listen(socket, asked);
            AgentProcess stranger =
                AgentProcess.start(watched.deployment.socket(), Optional.of(OtherUser.STRANGER))) {
          await()
              .atMost(PATIENCE)
              .until(() -> {
                assertThat(stranger.does("open " + Stage.READ)).startsWith("refused");
                return asked.get() > 0;
              });
          assertThat(fake.isOpen()).isTrue();
        } finally {
          Files.deleteIfExists(socket);
        }
        spire.startAgent();
        Duration gone = untilItIssues(watched, agent, task);
        assertThat(agent.does("complete " + task)).isEqualTo("ok TASK_STATE_ENDED");
        watched.checker.toldEnded(task);

        String last = agent.may("open " + Stage.READ).getFirst();
        issue(watched, agent, last);
        agent.kill();
        Verdict verdict = watched.verdict("SPIRE fails");
        System.out.printf(
            "figure: SPIRE: issues again %d ms after its agent's restart, %d ms after its socket"
                + " was there again; %d connections to a false one, none believed%n",
            restarted.toMillis(), gone.toMillis(), asked.get());
        assertThat(verdict.violations()).isEmpty();
        assertThat(verdict.account().live()).isZero();
      }
    }
  }

  private static Duration untilItIssues(Watched watched, AgentProcess agent, String task) {
    long begun = System.nanoTime();
    await()
        .atMost(PATIENCE)
        .pollInterval(Duration.ofMillis(100))
        .until(() -> {
          String answer = agent.does("issue " + task + " " + Stage.READ);
          if (answer.startsWith("ok")) {
            handed(watched, List.of(answer.split(" ", -1)).subList(1, 3));
          }
          return answer.startsWith("ok");
        });
    return Faults.since(begun);
  }

  private static void issue(Watched watched, AgentProcess agent, String task) {
    handed(watched, agent.may("issue " + task + " " + Stage.READ));
  }

  private static void handed(Watched watched, List<String> login) {
    watched.checker.handed(login.get(0), login.get(1), Stage.READ);
  }

  /** Takes connections, reads what comes, and says nothing. */
  private static ServerSocketChannel listen(Path socket, AtomicInteger asked) throws IOException {
    ServerSocketChannel server = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
    server.bind(UnixDomainSocketAddress.of(socket));
    Thread.ofVirtual()
        .start(() -> {
          while (server.isOpen()) {
            try (SocketChannel _ = server.accept()) {
              asked.incrementAndGet();
              LockSupport.parkNanos(Duration.ofMillis(50).toNanos());
            } catch (IOException e) {
              // Closed: the loop ends.
            }
          }
        });
    return server;
  }
}
