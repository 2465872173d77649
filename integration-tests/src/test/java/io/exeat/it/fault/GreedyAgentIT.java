package io.exeat.it.fault;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.exeat.identity.development.Entry;
import io.exeat.it.checker.Verdict;
import io.exeat.it.environment.AgentProcess;
import io.exeat.it.environment.Stage;
import io.exeat.v1.Credential;
import io.exeat.v1.Task;
import io.exeat.v1.TaskState;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

/**
 * One agent opens as many connections as it gets, sends what is no request, and as many tasks as it
 * may have; another works all the while.
 */
final class GreedyAgentIT {
  private static final int ROUNDS = Faults.times(10, 200);
  private static final int CONNECTIONS = Faults.times(400, 4_000);
  private static final int MOST_MEGABYTES = 400;
  private static final Duration PATIENCE = Duration.ofMinutes(1);

  private final Stage stage = Stage.get();

  @Test
  void theOtherAgentWorksOn() throws IOException {
    try (Watched watched = Watched.start(Watched.plan());
        AgentProcess good = AgentProcess.start(watched.deployment.socket(), Optional.empty())) {
      stage.authority().add(Entry.ofPid(Stage.OTHER, good.pid()));
      List<Duration> before = rounds(watched, good);
      AtomicBoolean stop = new AtomicBoolean();
      AtomicLong opened = new AtomicLong();
      List<Duration> during;
      List<Thread> greedy = new ArrayList<>();
      try (WatchedAgent agent = new WatchedAgent(watched)) {
        // First, since its connections stand in its own way as well.
        Task task = agent.open(Stage.READ);
        for (int i = 0; i < 4; i++) {
          greedy.add(
              Thread.ofPlatform().start(() -> grab(watched.deployment.socket(), stop, opened)));
        }
        Credential credential = agent.issue(task, Stage.READ);
        assertThat(credential.hasDatabase()).isTrue();
        during = rounds(watched, good);
        stop.set(true);
        greedy.forEach(GreedyAgentIT::join);
        await().atMost(PATIENCE).until(() -> agent.client().isServing());
        assertThat(agent.complete(task).getState()).isEqualTo(TaskState.TASK_STATE_ENDED);
      } finally {
        stop.set(true);
        greedy.forEach(GreedyAgentIT::join);
      }
      long megabytes = resident(watched.deployment.broker().pid());
      Verdict verdict = watched.verdict("a greedy agent");
      System.out.printf(
          "figure: greedy: %d connections by one agent; the other's open, issue and complete before"
              + " %s, meanwhile %s; broker %d MB%n",
          opened.get(), Faults.spread(before), Faults.spread(during), megabytes);
      assertThat(verdict.violations()).isEmpty();
      assertThat(during).hasSize(ROUNDS);
      assertThat(megabytes).isLessThan(MOST_MEGABYTES);
      assertThat(opened.get()).isPositive();
    }
  }

  private static List<Duration> rounds(Watched watched, AgentProcess agent) {
    List<Duration> times = Collections.synchronizedList(new ArrayList<>());
    for (int i = 0; i < ROUNDS; i++) {
      long begun = System.nanoTime();
      String task = agent.may("open " + Stage.READ).getFirst();
      List<String> login = agent.may("issue " + task + " " + Stage.READ);
      watched.checker.handed(login.get(0), login.get(1), Stage.READ);
      assertThat(agent.does("complete " + task)).isEqualTo("ok TASK_STATE_ENDED");
      times.add(Faults.since(begun));
      watched.checker.toldEnded(task);
    }
    return times;
  }

  /** Holds as many connections as it is let, and writes noise into each. */
  private static void grab(Path socket, AtomicBoolean stop, AtomicLong opened) {
    Deque<SocketChannel> held = new ArrayDeque<>();
    SplittableRandom random = new SplittableRandom(7);
    byte[] noise = new byte[4096];
    try {
      while (!stop.get()) {
        random.nextBytes(noise);
        try {
          SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX);
          held.add(channel);
          var _ = channel.connect(UnixDomainSocketAddress.of(socket));
          opened.incrementAndGet();
          var _ = channel.write(ByteBuffer.wrap(noise));
        } catch (IOException e) {
          // Refused or closed: on with the next.
        }
        if (held.size() > CONNECTIONS / 4) {
          held.remove().close();
        }
      }
      for (SocketChannel channel : held) {
        channel.close();
      }
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  private static long resident(long pid) throws IOException {
    for (String line : Files.readAllLines(Path.of("/proc", Long.toString(pid), "status"))) {
      if (line.startsWith("VmRSS:")) {
        return Long.parseLong(line.replaceAll("[^0-9]", "")) / 1024;
      }
    }
    throw new IllegalStateException("the broker is gone");
  }

  private static void join(Thread thread) {
    try {
      thread.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
