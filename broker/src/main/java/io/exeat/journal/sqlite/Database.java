package io.exeat.journal.sqlite;

import io.exeat.base.CannotStart;
import io.exeat.base.ReservedSpace;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;

/** The SQLite file: how it is made, opened, and known to be whole. */
final class Database {
  private static final int APPLICATION = 0x45784A31; // "ExJ1"
  private static final int VERSION = 1;
  private static final String FACT =
      "CREATE TABLE fact (id INTEGER PRIMARY KEY, subject TEXT NOT NULL, body TEXT NOT NULL,"
          + " sum INTEGER NOT NULL) STRICT";
  private static final String BY_SUBJECT = "CREATE INDEX fact_subject ON fact (subject)";
  private static final String TOTAL =
      "CREATE TABLE total (commits INTEGER NOT NULL, facts INTEGER NOT NULL, sum INTEGER NOT NULL)"
          + " STRICT";

  private Database() {}

  /**
   * Sees to it that there is a database, of this format.
   *
   * @throws CannotStart when it went missing, its header is damaged, or it is of another version
   */
  static void createIfMissing(Folder folder) throws IOException {
    if (!Files.exists(folder.database())) {
      create(folder);
    }
    folder.checkHeader(APPLICATION, VERSION);
  }

  /**
   * Reads every page.
   *
   * @throws CannotStart when SQLite finds damage, or the tables are not the journal's
   */
  static void check(Folder folder, Connection connection) throws SQLException {
    try (Statement statement = connection.createStatement();
        ResultSet rows = statement.executeQuery("PRAGMA integrity_check(1)")) {
      String result = rows.next() ? rows.getString(1) : "no answer";
      if (!result.equals("ok")) {
        throw folder.damaged(result);
      }
    }
    List<String> schema = new ArrayList<>();
    try (Statement statement = connection.createStatement();
        ResultSet rows = statement.executeQuery("SELECT sql FROM sqlite_schema ORDER BY rowid")) {
      while (rows.next()) {
        schema.add(rows.getString(1));
      }
    }
    if (!schema.equals(List.of(FACT, BY_SUBJECT, TOTAL))) {
      throw folder.damaged("its tables are not those of the journal");
    }
  }

  /** Under another name until it is complete, so that a crash leaves no half-made journal. */
  private static void create(Folder folder) throws IOException {
    for (Path name : List.of(folder.database(), folder.coming())) {
      for (String suffix : List.of("-wal", "-shm", "-journal")) {
        Path rest = name.resolveSibling(name.getFileName() + suffix);
        if (name.equals(folder.database()) && Files.exists(rest) && Files.size(rest) > 0) {
          throw folder.damaged("it is missing, but " + rest + " is there");
        }
        Files.deleteIfExists(rest);
      }
    }
    if (Files.exists(folder.acknowledged()) && acknowledgedSome(folder)) {
      throw folder.damaged("it is missing, but " + folder.acknowledged() + " is there");
    }
    Files.deleteIfExists(folder.coming());
    Files.createFile(
        folder.coming(),
        PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
    try (Connection connection = connect(folder.coming())) {
      execute(connection, "PRAGMA application_id = " + APPLICATION);
      execute(connection, "PRAGMA user_version = " + VERSION);
      execute(connection, "BEGIN IMMEDIATE");
      execute(connection, FACT);
      execute(connection, BY_SUBJECT);
      execute(connection, TOTAL);
      execute(connection, "INSERT INTO total VALUES (0, 0, 0)");
      execute(connection, "COMMIT");
    } catch (SQLException e) {
      throw new IOException(folder.coming() + " cannot be made", e);
    }
    try (FileChannel channel = FileChannel.open(folder.coming(), StandardOpenOption.WRITE)) {
      channel.force(true);
    }
    Acknowledged.create(folder.acknowledged());
    Files.move(folder.coming(), folder.database(), StandardCopyOption.ATOMIC_MOVE);
    ReservedSpace.syncFolder(folder.path());
  }

  private static boolean acknowledgedSome(Folder folder) throws IOException {
    try (Acknowledged acknowledged = Acknowledged.open(folder.acknowledged())) {
      return acknowledged.atStart() > 0;
    }
  }

  /** The only connection there is while it lasts. */
  static Connection connect(Path database) throws SQLException {
    Connection connection = DriverManager.getConnection("jdbc:sqlite:" + database);
    // Exclusive before the first look: SQLite then needs no shared memory file, and nobody gets in.
    for (String pragma :
        List.of(
            "locking_mode = EXCLUSIVE",
            "journal_mode = WAL",
            "synchronous = FULL",
            "wal_autocheckpoint = 0",
            "cell_size_check = ON",
            "trusted_schema = OFF",
            "temp_store = MEMORY",
            "cache_size = -1024")) {
      execute(connection, "PRAGMA " + pragma);
    }
    return connection;
  }

  static void execute(Connection connection, String sql) throws SQLException {
    try (Statement statement = connection.createStatement()) {
      statement.execute(sql);
    }
  }
}
