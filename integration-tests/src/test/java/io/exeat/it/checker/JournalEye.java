package io.exeat.it.checker;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Instant;
import java.util.HashSet;
import java.util.Optional;
import java.util.Set;

/**
 * Reads a copy of the journal's files: the broker holds them locked. What SQLite finds in a copy is
 * what the next start of the broker would find.
 */
final class JournalEye {
  private static final JsonMapper JSON = JsonMapper.builder().build();

  private final Path journal;
  private final Path copy;

  /**
   * One look.
   *
   * @param begun the look saw nothing of before
   * @param sessions accessors of the broker's own
   * @param epochs every {@code <task>-e<number>} that is not settled
   * @param bound the epochs whose token's accessor is there
   * @param leases ids of what was lent
   */
  record Sight(
      Instant begun,
      Set<String> sessions,
      Set<String> epochs,
      Set<String> bound,
      Set<String> leases) {}

  JournalEye(Path journal) throws IOException {
    this.journal = journal;
    this.copy = Files.createTempDirectory("exeat-journal-copy");
  }

  /** What is written down; empty when there is none, or it changed too much while it was copied. */
  synchronized Optional<Sight> look() throws IOException {
    for (int tries = 0; tries < 3; tries++) {
      Instant begun = Instant.now();
      Path database = journal.resolve("journal.db");
      if (!Files.exists(database)) {
        return Optional.empty();
      }
      for (String suffix : new String[] {"-wal", "-shm", ""}) {
        Path from = journal.resolve("journal.db" + suffix);
        Path to = copy.resolve("journal.db" + suffix);
        Files.deleteIfExists(to);
        if (!suffix.equals("-shm") && Files.exists(from)) {
          Files.copy(from, to, StandardCopyOption.REPLACE_EXISTING);
        }
      }
      try (Connection connection =
              DriverManager.getConnection("jdbc:sqlite:" + copy.resolve("journal.db"));
          Statement statement = connection.createStatement();
          ResultSet rows = statement.executeQuery("SELECT body FROM fact ORDER BY id")) {
        return Optional.of(read(begun, rows));
      } catch (SQLException e) {
        // A checkpoint went through the copying: once more.
      }
    }
    return Optional.empty();
  }

  private static Sight read(Instant begun, ResultSet rows) throws SQLException, IOException {
    Sight sight =
        new Sight(begun, new HashSet<>(), new HashSet<>(), new HashSet<>(), new HashSet<>());
    while (rows.next()) {
      JsonNode fact = JSON.readTree(rows.getString(1));
      String label = fact.path("task").asText() + "-e" + fact.path("epoch").asText();
      switch (fact.path("fact").asText()) {
        case "session" -> sight.sessions.add(fact.path("accessor").asText());
        case "intended" -> sight.epochs.add(label);
        case "bound" -> sight.bound.add(label);
        case "lent" -> sight.leases.add(fact.path("lease").asText());
        default -> {
          // Of no interest here.
        }
      }
    }
    return sight;
  }

  void close() throws IOException {
    for (String suffix : new String[] {"-wal", "-shm", ""}) {
      Files.deleteIfExists(copy.resolve("journal.db" + suffix));
    }
    Files.deleteIfExists(copy);
  }
}
