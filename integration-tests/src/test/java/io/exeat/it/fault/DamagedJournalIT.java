package io.exeat.it.fault;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.exeat.it.checker.Checker;
import io.exeat.it.checker.Verdict;
import io.exeat.it.environment.BrokerProcess;
import io.exeat.it.environment.Outside;
import io.exeat.it.environment.Stage;
import io.exeat.v1.Task;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/**
 * The journal's bytes are flipped, cut or missing: the broker takes in everything that was written,
 * or says what is damaged and does not start. It never starts with less.
 */
final class DamagedJournalIT {
  private static final JsonMapper JSON = JsonMapper.builder().build();
  private static final int DAMAGES = Faults.times(6, 120);
  private static final int OPEN = 3;

  private final Stage stage = Stage.get();
  private final Outside outside = new Outside(stage);
  private final SplittableRandom random = new SplittableRandom(Long.getLong("exeat.seed", 7));

  @Test
  void itStartsWithEverythingOrNotAtAll() throws IOException {
    int refused = 0;
    int whole = 0;
    try (Watched watched = Watched.start(Watched.plan())) {
      BrokerProcess broker = watched.deployment.broker();
      try (WatchedAgent agent = new WatchedAgent(watched)) {
        for (int i = 0; i < OPEN; i++) {
          Task task = agent.open(Stage.READ);
          var _ = agent.issue(task, Stage.READ);
        }
      }
      watched.checker.impaired("the broker is down");
      broker.kill();
      Path journal = watched.deployment.folder().resolve("journal");
      Path sound = stage.newFolder("sound");
      copy(journal, sound);
      for (int i = 0; i < DAMAGES; i++) {
        copy(sound, journal);
        String damage = damage(journal, i);
        int from = broker.log().length();
        broker.begin();
        await("what it does after: " + damage)
            .atMost(Duration.ofSeconds(90))
            .until(() -> !broker.isAlive() || serves(watched));
        if (broker.isAlive()) {
          whole++;
          assertThat(journalled(watched.deployment.broker().audit()))
              .as("taken in after: " + damage)
              .isEqualTo(OPEN);
          broker.kill();
        } else {
          refused++;
          assertThat(broker.log().substring(from))
              .as("what it says after: " + damage)
              .contains("journal");
        }
      }
      copy(sound, journal);
      broker.restart();
      watched.checker.mended(Checker.HEALTHY);
      outside.awaitNothingLent(Duration.ofSeconds(30));
      Verdict verdict = watched.verdict("damaged journals");
      System.out.printf(
          "figure: %d damages of the journal: %d refused, %d taken in whole, 0 with less%n",
          DAMAGES, refused, whole);
      assertThat(verdict.violations()).isEmpty();
      assertThat(verdict.account().revoked()).isEqualTo(OPEN);
      assertThat(refused).isPositive();
    }
  }

  private static boolean serves(Watched watched) {
    try (WatchedAgent agent = new WatchedAgent(watched)) {
      return agent.client().isServing();
    }
  }

  private String damage(Path journal, int number) throws IOException {
    Path log = journal.resolve("journal.db-wal");
    Path database = journal.resolve("journal.db");
    return switch (number % 6) {
      case 0 -> flip(log);
      case 1 -> cut(log);
      case 2 -> flip(database);
      case 3 -> {
        Files.delete(log);
        yield "no write-ahead log";
      }
      case 4 -> flip(journal.resolve("journal.acked"));
      default -> {
        Files.delete(database);
        yield "no database";
      }
    };
  }

  private String flip(Path file) throws IOException {
    byte[] bytes = Files.readAllBytes(file);
    int at = random.nextInt(bytes.length);
    bytes[at] ^= (byte) (1 << random.nextInt(8));
    Files.write(file, bytes);
    return "a flipped bit in byte " + at + " of " + file.getFileName();
  }

  private String cut(Path file) throws IOException {
    byte[] bytes = Files.readAllBytes(file);
    int at = random.nextInt(bytes.length);
    Files.write(file, Arrays.copyOf(bytes, at));
    return file.getFileName() + " cut at byte " + at + " of " + bytes.length;
  }

  /** What the last start says that it found. */
  private static int journalled(Path chain) throws IOException {
    int found = -1;
    try (Stream<Path> files = Files.list(chain)) {
      for (Path file : files.filter(it -> it.toString().endsWith(".jsonl")).sorted().toList()) {
        for (String line : Files.readAllLines(file)) {
          JsonNode record = JSON.readTree(line);
          if (record.path("kind").asText().equals("broker.started")) {
            found = record.path("journalled").asInt();
          }
        }
      }
    }
    return found;
  }

  private static void copy(Path from, Path to) throws IOException {
    List<Path> old = new ArrayList<>();
    try (Stream<Path> files = Files.list(to)) {
      old.addAll(files.toList());
    }
    for (Path file : old) {
      Files.delete(file);
    }
    try (Stream<Path> files = Files.list(from)) {
      for (Path file : files.toList()) {
        Files.copy(file, to.resolve(file.getFileName()), StandardCopyOption.COPY_ATTRIBUTES);
        Files.setPosixFilePermissions(
            to.resolve(file.getFileName()), PosixFilePermissions.fromString("rw-------"));
      }
    }
  }
}
