package io.exeat.journal.sqlite;

import io.exeat.base.CannotStart;
import io.exeat.base.Sha256;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import org.sqlite.SQLiteErrorCode;

/**
 * Facts in SQLite, in write-ahead mode with one fsync a commit. Each row carries a sum of its
 * content, and one row the sum of all, so that what changed, came or went by itself is noticed at
 * the next start.
 */
final class SqliteStore implements FactStore {
  /** After so many lines the log is moved into the database. */
  private static final int CHECKPOINT_AFTER = 1000;

  private final Folder folder;
  private final Connection connection;
  private final Acknowledged acknowledged;
  private final List<Fact> found = new ArrayList<>();
  private final PreparedStatement insert;
  private final PreparedStatement delete;
  private final PreparedStatement total;
  private long commits;
  private long facts;
  private long sum;
  private long nextId = 1;
  private int sinceCheckpoint;

  private SqliteStore(Folder folder, Connection connection, Acknowledged acknowledged)
      throws SQLException {
    this.folder = folder;
    this.connection = connection;
    this.acknowledged = acknowledged;
    Database.check(folder, connection);
    load();
    insert = connection.prepareStatement("INSERT INTO fact VALUES (?, ?, ?, ?)");
    delete = connection.prepareStatement("DELETE FROM fact WHERE subject = ? RETURNING sum");
    total = connection.prepareStatement("UPDATE total SET commits = ?, facts = ?, sum = ?");
  }

  /**
   * Opens the database of {@code folder}, or makes one.
   *
   * @throws CannotStart when it is damaged, does not reach as far as was told to callers, or is of
   *     another version
   */
  static SqliteStore open(Folder folder) throws IOException {
    Database.createIfMissing(folder);
    Acknowledged acknowledged = Acknowledged.open(folder.acknowledged());
    try {
      Connection connection = Database.connect(folder.database());
      try {
        return new SqliteStore(folder, connection, acknowledged);
      } catch (SQLException | RuntimeException e) {
        connection.close();
        throw e;
      }
    } catch (SQLException e) {
      acknowledged.close();
      throw folder.damaged("SQLite says " + SQLiteErrorCode.getErrorCode(e.getErrorCode()));
    } catch (RuntimeException e) {
      acknowledged.close();
      throw e;
    }
  }

  /** What was written down before, oldest first. */
  List<Fact> found() {
    return List.copyOf(found);
  }

  @Override
  public void write(List<Line> lines) throws Full, Broken {
    long[] before = {commits, facts, sum, nextId};
    try {
      if (sinceCheckpoint >= CHECKPOINT_AFTER) {
        checkpoint();
      }
      Database.execute(connection, "BEGIN IMMEDIATE");
      for (Line line : lines) {
        write(line);
      }
      commits++;
      total.setLong(1, commits);
      total.setLong(2, facts);
      total.setLong(3, sum);
      total.executeUpdate();
      Database.execute(connection, "COMMIT");
      sinceCheckpoint += lines.size() + 1;
      acknowledged.set(commits);
    } catch (SQLException e) {
      commits = before[0];
      facts = before[1];
      sum = before[2];
      nextId = before[3];
      if (primaryCode(e) == SQLiteErrorCode.SQLITE_FULL.code && rolledBack()) {
        throw new Full(e);
      }
      String code = String.valueOf(SQLiteErrorCode.getErrorCode(e.getErrorCode()));
      throw new Broken(folder.database() + ": SQLite says " + code, e);
    } catch (IOException e) {
      throw new Broken(acknowledged + " cannot be written", e);
    }
  }

  @Override
  public void close() {
    try {
      connection.close();
    } catch (SQLException e) {
      // What was acknowledged is in the log; the next start finds it there.
    }
    acknowledged.close();
    folder.close();
  }

  private void write(Line line) throws SQLException {
    if (line.fact() instanceof Fact.SessionEnded
        || line.fact() instanceof Fact.Settled
        || line.fact() instanceof Fact.Restored) {
      delete.setString(1, line.subject());
      try (ResultSet gone = delete.executeQuery()) {
        while (gone.next()) {
          facts--;
          sum -= gone.getLong(1);
        }
      }
      return;
    }
    String body = FactText.write(line.fact());
    long own = sumOf(nextId, line.subject(), body);
    insert.setLong(1, nextId);
    insert.setString(2, line.subject());
    insert.setString(3, body);
    insert.setLong(4, own);
    insert.executeUpdate();
    nextId++;
    facts++;
    sum += own;
  }

  /**
   * Done by hand and never in passing, because a failed fsync of the database would go unnoticed
   * there and the log be overwritten all the same.
   */
  private void checkpoint() throws SQLException {
    try {
      Database.execute(connection, "PRAGMA wal_checkpoint(PASSIVE)");
      sinceCheckpoint = 0;
    } catch (SQLException e) {
      if (primaryCode(e) != SQLiteErrorCode.SQLITE_FULL.code) {
        throw e;
      }
      // The log holds everything: it grows until there is room.
    }
  }

  private boolean rolledBack() {
    try {
      Database.execute(connection, "ROLLBACK");
      return true;
    } catch (SQLException e) {
      // SQLite has rolled back by itself already, and says so.
      return primaryCode(e) == SQLiteErrorCode.SQLITE_ERROR.code;
    }
  }

  private void load() throws SQLException {
    long rows = 0;
    long sums = 0;
    try (Statement statement = connection.createStatement();
        ResultSet row =
            statement.executeQuery("SELECT id, subject, body, sum FROM fact ORDER BY id")) {
      while (row.next()) {
        long id = row.getLong(1);
        String body = row.getString(3);
        if (row.getLong(4) != sumOf(id, row.getString(2), body)) {
          throw folder.damaged("row " + id + " of table fact is not as it was written");
        }
        try {
          found.add(FactText.read(body));
        } catch (RuntimeException e) {
          throw folder.damaged("row " + id + " of table fact is no fact");
        }
        rows++;
        sums += row.getLong(4);
        nextId = id + 1;
      }
    }
    try (Statement statement = connection.createStatement();
        ResultSet row = statement.executeQuery("SELECT commits, facts, sum FROM total")) {
      if (!row.next() || row.getLong(2) != rows || row.getLong(3) != sums) {
        throw folder.damaged("it has " + rows + " facts, which are not those that were written");
      }
      commits = row.getLong(1);
      if (row.next()) {
        throw folder.damaged("table total has several rows");
      }
    }
    facts = rows;
    sum = sums;
    if (commits < acknowledged.atStart()) {
      throw folder.damaged(
          "it ends with commit "
              + commits
              + ", but "
              + acknowledged.atStart()
              + " were told to callers: journal.db-wal is damaged, cut short or missing");
    }
  }

  private static int primaryCode(SQLException e) {
    return e.getErrorCode() & 0xff;
  }

  private static long sumOf(long id, String subject, String body) {
    MessageDigest digest = Sha256.begin();
    digest.update(ByteBuffer.allocate(Long.BYTES).putLong(id).flip());
    digest.update(subject.getBytes(StandardCharsets.UTF_8));
    digest.update((byte) 0);
    digest.update(body.getBytes(StandardCharsets.UTF_8));
    return ByteBuffer.wrap(digest.digest()).getLong();
  }
}
