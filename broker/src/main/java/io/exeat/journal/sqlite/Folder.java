package io.exeat.journal.sqlite;

import io.exeat.base.CannotStart;
import io.exeat.base.OwnFolder;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.EnumSet;
import java.util.Set;

/** The journal's folder (0700) and files (0600), held by one broker at a time. */
final class Folder implements AutoCloseable {
  private static final Set<PosixFilePermission> OTHERS =
      EnumSet.of(
          PosixFilePermission.GROUP_READ,
          PosixFilePermission.GROUP_WRITE,
          PosixFilePermission.OTHERS_READ,
          PosixFilePermission.OTHERS_WRITE);
  private static final int HEADER = 100;

  private final OwnFolder held;

  private Folder(OwnFolder held) {
    this.held = held;
  }

  /**
   * Makes the folder if it is not there, and locks it.
   *
   * @throws CannotStart when another broker holds it, or others could read it
   */
  static Folder hold(Path path) throws IOException {
    OwnFolder held = OwnFolder.hold(path, "journal");
    try {
      refuseOthers(path, "700");
    } catch (CannotStart | IOException e) {
      held.close();
      throw e;
    }
    return new Folder(held);
  }

  Path database() {
    return path().resolve("journal.db");
  }

  Path acknowledged() {
    return path().resolve("journal.acked");
  }

  Path reserve() {
    return path().resolve("journal.reserve");
  }

  Path coming() {
    return path().resolve("journal.db.new");
  }

  Path path() {
    return held.path();
  }

  /**
   * Looks at the database's first 100 bytes before SQLite does, which would take some of what can
   * be wrong there for another kind of database (SQLite file format, section 1.3).
   */
  void checkHeader(int applicationId, int version) throws IOException {
    refuseOthers(database(), "600");
    ByteBuffer header = ByteBuffer.allocate(HEADER);
    try (FileChannel channel = FileChannel.open(database(), StandardOpenOption.READ)) {
      while (header.hasRemaining() && channel.read(header) >= 0) {
        // until it is full
      }
    }
    String magic = new String(header.array(), 0, 16, StandardCharsets.US_ASCII);
    boolean ours =
        !header.hasRemaining()
            && magic.equals("SQLite format 3\0")
            && header.getInt(68) == applicationId;
    // WAL for reading and writing, UTF-8.
    boolean sound = ours && header.getShort(18) == 0x0202 && header.getInt(56) == 1;
    if (!sound) {
      throw damaged(ours ? "its header is damaged" : "it is no journal, or its header is damaged");
    }
    if (header.getInt(60) != version) {
      throw new CannotStart(
          database() + " has format " + header.getInt(60) + "; this Exeat knows format " + version,
          "Start the version of Exeat that wrote it, or let that version end everything first.");
    }
  }

  CannotStart damaged(String what) {
    return new CannotStart(
        "the journal " + database() + " is damaged: " + what,
        "Nothing was changed. Restore the folder as a whole, or end in Vault by hand what it knew of"
            + " (sqlite3 journal.db 'select body from fact' shows what can still be read), then move"
            + " the folder away.");
  }

  @Override
  public void close() {
    held.close();
  }

  private static void refuseOthers(Path path, String mode) throws IOException {
    Set<PosixFilePermission> permissions = Files.getPosixFilePermissions(path);
    if (permissions.stream().anyMatch(OTHERS::contains)) {
      throw new CannotStart(
          path + " is open to others (" + PosixFilePermissions.toString(permissions) + ")",
          "It names what ends tokens. If nobody else has used it: chmod " + mode + " " + path);
    }
  }
}
