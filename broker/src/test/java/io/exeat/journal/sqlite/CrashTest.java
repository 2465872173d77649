package io.exeat.journal.sqlite;

import static org.assertj.core.api.Assertions.assertThat;

import io.exeat.audit.AuditEvent;
import io.exeat.audit.AuditVerifier;
import io.exeat.audit.ChainFiles;
import io.exeat.audit.file.FileAudit;
import io.exeat.base.Epoch;
import io.exeat.base.TaskId;
import io.exeat.base.Time;
import io.spiffe.spiffeid.SpiffeId;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.HashSet;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a caller was told of is there after the process was killed, at whatever moment. */
final class CrashTest {
  private static final Time TIME = new Time(InstantSource.system(), System::nanoTime);
  private static final int KILLS = 6;

  @TempDir private Path temp;

  @Test
  void whatWasAcknowledgedSurvivesEveryKill() throws Exception {
    Random random = new Random(7);
    Set<String> journalled = new HashSet<>();
    Set<String> recorded = new HashSet<>();
    for (int kill = 0; kill < KILLS; kill++) {
      run(1 + random.nextInt(400), journalled, recorded);
      assertThat(AuditVerifier.verify(temp.resolve("audit"), Optional.empty()))
          .satisfiesAnyOf(
              sound -> assertThat(sound).isInstanceOf(AuditVerifier.Result.Sound.class),
              torn ->
                  assertThat(torn)
                      .isInstanceOfSatisfying(
                          AuditVerifier.Result.Broken.class,
                          broken -> assertThat(broken.kind()).isEqualTo(AuditVerifier.Kind.TORN)));
      try (SqliteJournal journal = SqliteJournal.open(temp.resolve("journal"), TIME)) {
        Set<String> there =
            journal.outstanding().stream()
                .map(outstanding -> outstanding.epoch().label())
                .collect(Collectors.toSet());
        assertThat(there).as("kill %d", kill).containsAll(journalled);
      }
      FileAudit.open(temp.resolve("audit"), 20_000, TIME).close();
      String chain = chain();
      assertThat(recorded).as("kill %d", kill).allMatch(chain::contains);
    }
    assertThat(journalled).isNotEmpty();
    assertThat(recorded).isNotEmpty();
    assertThat(AuditVerifier.verify(temp.resolve("audit"), Optional.empty()))
        .isInstanceOf(AuditVerifier.Result.Sound.class);
  }

  /** Runs a child until it has told of so many facts, and kills it. */
  private void run(int facts, Set<String> journalled, Set<String> recorded) throws Exception {
    Process child =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--enable-native-access=ALL-UNNAMED",
                "-XX:TieredStopAtLevel=1",
                "-cp",
                System.getProperty("java.class.path"),
                Child.class.getName(),
                temp.toString())
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start();
    try (BufferedReader told = child.inputReader(StandardCharsets.US_ASCII)) {
      int count = 0;
      for (String line = told.readLine(); line != null; line = told.readLine()) {
        // The last line can be cut by the kill.
        if (line.length() == Child.LINE) {
          (line.startsWith("journal ") ? journalled : recorded).add(line.substring(8));
        }
        count++;
        if (count == facts) {
          // Not by the process itself, which would close what it has told of and was not read yet.
          child.toHandle().destroyForcibly();
        }
      }
      assertThat(count).isGreaterThanOrEqualTo(facts);
    } finally {
      child.destroyForcibly();
      child.waitFor();
    }
  }

  private String chain() throws IOException {
    StringBuilder chain = new StringBuilder();
    for (Path file : ChainFiles.in(temp.resolve("audit"))) {
      chain.append(Files.readString(file));
    }
    return chain.toString();
  }

  /** Writes as fast as it can from eight threads, and tells of each fact once it is durable. */
  static final class Child {
    static final int LINE = "journal t00000000000000000000-e1".length();

    private Child() {}

    public static void main(String[] args) {
      SqliteJournal journal = SqliteJournal.open(Path.of(args[0], "journal"), TIME);
      FileAudit audit = FileAudit.open(Path.of(args[0], "audit"), 20_000, TIME);
      for (int i = 0; i < 8; i++) {
        Thread.ofPlatform().start(() -> write(journal, audit));
      }
    }

    private static void write(SqliteJournal journal, FileAudit audit) {
      SpiffeId agent = SpiffeId.parse("spiffe://example.org/agent");
      while (true) {
        Epoch epoch = new Epoch(TaskId.random(), 1);
        journal.intend(epoch, agent, Set.of("orders")).await();
        tell("journal " + epoch.label());
        audit.record(new AuditEvent.BrokerStopped(epoch.label()));
        tell("audited " + epoch.label());
      }
    }

    private static void tell(String fact) {
      synchronized (System.out) {
        System.out.println(fact);
        System.out.flush();
      }
    }
  }
}
