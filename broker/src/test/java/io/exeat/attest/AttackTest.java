package io.exeat.attest;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import io.exeat.base.Subscription;
import io.exeat.identity.SpiffeIds;
import io.exeat.identity.SpiffeTransport;
import io.exeat.identity.development.Entry;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.NullMarked;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a hostile agent does with its process, its PID and its connection. */
@NullMarked
@SuppressWarnings("NullAway.Init") // JUnit sets these
final class AttackTest {
  private static final String CONNECT =
      """
      import os, socket, sys, time
      s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); s.set_inheritable(True)
      """;

  @TempDir Path directory;
  private SpiffeTransport transport;
  private DevelopmentPlace place;

  @BeforeEach
  void begin() {
    transport = new SpiffeTransport();
    // Each attestation is asked anew.
    place =
        new DevelopmentPlace(
            DevelopmentPlace.Mode.BROKER_API,
            directory,
            transport,
            new AttestConfig.Timing(Duration.ofSeconds(3), Duration.ZERO));
  }

  @AfterEach
  void end() {
    place.close();
    transport.close();
  }

  private Process python(String script) throws IOException {
    Path python = Path.of("/usr/bin/python3");
    Assumptions.assumeTrue(Files.isExecutable(python), "these attacks are written in Python");
    return new ProcessBuilder(
            python.toString(), "-c", CONNECT + script, place.door().socket().toString())
        .redirectError(ProcessBuilder.Redirect.INHERIT)
        .start();
  }

  private static void say(Process to) throws IOException {
    to.getOutputStream().write("\n".getBytes(StandardCharsets.UTF_8));
    to.getOutputStream().flush();
  }

  private void assertUnattested(Peer peer) {
    assertThatThrownBy(() -> place.attestor().attest(peer))
        .isInstanceOfSatisfying(
            FaultException.class, e -> assertThat(e.fault()).isInstanceOf(Fault.Unattested.class));
  }

  @Test
  void aProcessThatBecomesAnotherProgramIsSeenAsThatWhenItIsAttestedAnew() throws Exception {
    Process process = python("sys.stdin.readline()\nos.execv('/bin/sleep', ['sleep', '60'])\n");
    try {
      Path executable = Path.of("/proc", "" + process.pid(), "exe").toRealPath();
      place.authority.add(
          Entry.ofPid(DevelopmentPlace.AGENT, (int) process.pid()).withPath(executable));
      Peer.Local peer = place.door().next();
      Agent agent = place.attestor().attest(peer);
      BlockingQueue<String> gone = new LinkedBlockingQueue<>();
      try (Subscription _ = place.attestor().whenGone(agent, gone::add)) {
        say(process);
        Path exe = Path.of("/proc", "" + process.pid(), "exe");
        await().until(() -> !exe.toRealPath().equals(executable));

        // Same PID, same start time, same pidfd, same connection.
        assertThat(peer.process().alive()).isTrue();
        assertUnattested(peer);
        assertThat(gone.poll(2, TimeUnit.SECONDS)).isEqualTo("no longer attested");
      }
    } finally {
      process.destroyForcibly();
    }
  }

  @Test
  void aConnectionHandedToAChildDiesWithTheParent() throws Exception {
    Process process =
        python("sys.stdin.readline()\nif os.fork() == 0: time.sleep(60)\nos._exit(0)\n");
    try {
      place.authority.add(Entry.ofPid(DevelopmentPlace.AGENT, (int) process.pid()));
      Peer.Local peer = place.door().next();
      assertThat(place.attestor().attest(peer).id()).isEqualTo(DevelopmentPlace.AGENT);

      say(process);
      assertThat(process.waitFor(5, TimeUnit.SECONDS)).isTrue();

      // The child holds the connection open.
      assertThat(peer.process().alive()).isFalse();
      assertUnattested(peer);
    } finally {
      process.descendants().forEach(ProcessHandle::destroyForcibly);
      process.destroyForcibly();
    }
  }

  @Test
  void aZombieIsDead() throws Exception {
    Process parent =
        python(
            """
            s.close()
            if os.fork() == 0:
              s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); time.sleep(60)
            time.sleep(60)
            """);
    try {
      try {
        // The parent's own connection, which it closed.
        var _ = place.door().next();
      } catch (FaultException e) {
        assertThat(e.fault()).isInstanceOf(Fault.Unattested.class);
      }
      Peer.Local peer = place.door().next();
      place.authority.add(Entry.ofPid(DevelopmentPlace.AGENT, peer.pid()));
      Agent agent = place.attestor().attest(peer);
      BlockingQueue<String> gone = new LinkedBlockingQueue<>();
      try (Subscription _ = place.attestor().whenGone(agent, gone::add)) {
        assertThat(ProcessHandle.of(peer.pid()).orElseThrow().destroyForcibly()).isTrue();

        assertThat(gone.poll(2, TimeUnit.SECONDS)).contains("exited");
        assertThat(Files.readString(Path.of("/proc", "" + peer.pid(), "stat"))).contains(") Z ");
        assertThat(peer.process().alive()).isFalse();
        assertUnattested(peer);
      }
    } finally {
      parent.destroyForcibly();
    }
  }

  @Test
  void aSuccessorWithTheSamePidIsNotTheAgent() throws Exception {
    Path last = Path.of("/proc/sys/kernel/ns_last_pid");
    Assumptions.assumeTrue(takes(last), "choosing the next PID needs root");
    Process first = python("time.sleep(60)\n");
    Peer.Local peer = place.door().next();
    place.authority.add(Entry.ofPid(DevelopmentPlace.AGENT, peer.pid()));
    Agent agent = place.attestor().attest(peer);
    first.destroyForcibly();
    assertThat(first.waitFor(5, TimeUnit.SECONDS)).isTrue();
    for (int attempt = 0; attempt < 50; attempt++) {
      Files.writeString(last, "" + (peer.pid() - 1));
      Process next = python("time.sleep(60)\n");
      try {
        Peer.Local other = place.door().next();
        if (other.pid() == peer.pid()) {
          assertThat(other.process().key()).isNotEqualTo(peer.process().key());
          assertThat(peer.process().alive()).isFalse();
          assertUnattested(peer);
          // The issuer goes by PID here, so the successor is an agent, but another instance.
          assertThat(place.attestor().attest(other).instance()).isNotEqualTo(agent.instance());
          return;
        }
      } finally {
        next.destroyForcibly();
      }
    }
    Assumptions.abort("the PID was never given again");
  }

  /** Its mode lets everybody write; the kernel refuses all but the privileged. */
  private static boolean takes(Path last) {
    try {
      Files.writeString(last, Files.readString(last));
      return true;
    } catch (IOException e) {
      return false;
    }
  }

  @Test
  void aProcessWhoseFirstThreadAloneHasExitedLives() throws Exception {
    Process process =
        python(
            """
            import ctypes, threading
            threading.Thread(target=time.sleep, args=(60,)).start()
            sys.stdin.readline()
            ctypes.CDLL(None).pthread_exit(None)
            """);
    try {
      place.authority.add(Entry.ofPid(DevelopmentPlace.AGENT, (int) process.pid()));
      Peer.Local peer = place.door().next();
      say(process);
      Path stat = Path.of("/proc", "" + process.pid(), "stat");
      await().until(() -> Files.readString(stat).contains(") Z "));

      assertThat(peer.process().alive()).isTrue();
      assertThat(new StartTimeHold(peer.pid(), peer.startTicks(), transport.loop().next()).alive())
          .isTrue();
      assertThat(place.attestor().attest(peer).id()).isEqualTo(DevelopmentPlace.AGENT);
    } finally {
      process.destroyForcibly();
    }
  }

  @Test
  void aProcessIsKnownByItsStartTimeWhereThereIsNoPidfd() throws Exception {
    Process process = python("time.sleep(60)\n");
    Peer.Local peer = place.door().next();
    StartTimeHold hold = new StartTimeHold(peer.pid(), peer.startTicks(), transport.loop().next());
    BlockingQueue<String> gone = new LinkedBlockingQueue<>();
    try (Subscription _ = hold.onDeath(() -> gone.add("dead"))) {
      assertThat(hold.alive()).isTrue();
      assertThat(
              new StartTimeHold(peer.pid(), peer.startTicks() + 1, transport.loop().next()).alive())
          .isFalse();
      process.destroyForcibly();

      assertThat(gone.poll(2, TimeUnit.SECONDS)).isEqualTo("dead");
      assertThat(hold.alive()).isFalse();
    }
  }

  @Test
  void pidfdsAreClosedWithTheirConnections() throws Exception {
    long before = pidfds();
    for (int i = 0; i < 50; i++) {
      Process process = python("time.sleep(60)\n");
      Peer.Local peer = place.door().next();
      if (i % 2 == 0) {
        place.authority.add(Entry.ofPid(DevelopmentPlace.AGENT, peer.pid()));
        var _ = place.attestor().attest(peer);
      }
      process.destroyForcibly();
      place.door().hangUp();
    }
    await().atMost(Duration.ofSeconds(5)).until(() -> pidfds() <= before);
  }

  private static long pidfds() throws IOException {
    try (var files = Files.list(Path.of("/proc/self/fd"))) {
      return files.filter(AttackTest::isPidfd).count();
    }
  }

  private static boolean isPidfd(Path fd) {
    try {
      return Files.readSymbolicLink(fd).toString().contains("pidfd");
    } catch (IOException e) {
      return false;
    }
  }

  @Test
  void twoIdentitiesOfAgentsAreNone() {
    try (AgentProcess process = place.agent()) {
      Peer.Local peer = place.door().next(process);
      assertThat(place.attestor().attest(peer).id()).isEqualTo(DevelopmentPlace.AGENT);
      Entry second =
          Entry.ofPid(SpiffeIds.parse("id", "spiffe://example.org/host/h1/agent/b"), process.pid());
      Entry other =
          Entry.ofPid(
              SpiffeIds.parse("id", "spiffe://example.org/host/h1/database"), process.pid());

      place.authority.add(other);
      assertThat(place.attestor().attest(peer).id()).isEqualTo(DevelopmentPlace.AGENT);
      place.authority.add(second);
      assertUnattested(peer);
      place.authority.remove(second);
      assertThat(List.of(place.attestor().attest(peer).id()))
          .containsExactly(DevelopmentPlace.AGENT);
    }
  }
}
