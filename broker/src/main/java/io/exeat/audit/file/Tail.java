package io.exeat.audit.file;

import io.exeat.audit.ChainFiles;
import io.exeat.audit.ChainLine;
import io.exeat.base.CannotStart;
import io.exeat.base.Sha256;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * Where a chain goes on: its last record, and what a crash left after it.
 *
 * @param seq the last record's; 0 without any
 * @param hash the last record's
 * @param file the last file, if any
 * @param sound the last file's length without what is torn
 * @param torn so many bytes of a line that is not complete follow
 * @param tornSha256 of those bytes, in hex
 */
record Tail(long seq, String hash, Optional<Path> file, long sound, int torn, String tornSha256) {
  /** So much of the end is checked at the start; {@code exeat audit verify} checks all. */
  private static final int CHECKED = 1 << 20;

  /**
   * Reads the end of the chain in {@code folder}.
   *
   * @throws CannotStart when something but an incomplete last line is wrong there
   */
  static Tail of(Path folder) throws IOException {
    List<Path> files = ChainFiles.in(folder);
    Tail before = new Tail(0, ChainLine.NO_HASH, Optional.empty(), 0, 0, "");
    for (Path file : files.subList(Math.max(0, files.size() - 2), files.size())) {
      Tail tail = read(file, before, file.equals(files.getFirst()));
      if (tail.torn > 0 && !file.equals(files.getLast())) {
        throw damaged(file, tail.sound, "the line is not complete");
      }
      before = tail;
    }
    return before;
  }

  private static Tail read(Path file, Tail before, boolean first) throws IOException {
    byte[] bytes;
    long from;
    try (RandomAccessFile in = new RandomAccessFile(file.toFile(), "r")) {
      from = Math.max(0, in.length() - CHECKED);
      bytes = new byte[(int) (in.length() - from)];
      in.seek(from);
      in.readFully(bytes);
    }
    int start = from == 0 ? 0 : newline(bytes, 0) + 1;
    boolean linked = from == 0 && (first || before.seq > 0);
    long seq = from == 0 ? ChainFiles.firstSeq(file) - 1 : -1;
    if (linked && seq != before.seq) {
      throw damaged(file, 0, "the file before ends with record " + before.seq);
    }
    String hash = linked ? before.hash : "";
    for (int end = newline(bytes, start); end < bytes.length; end = newline(bytes, start)) {
      ChainLine line = new ChainLine(bytes, start, end);
      if (!line.isSound(Sha256.begin())) {
        throw damaged(file, from + start, "the line is not the one that was hashed");
      }
      if ((seq >= 0 && line.seq() != seq + 1) || (!hash.isEmpty() && !line.prev().equals(hash))) {
        throw damaged(file, from + start, "the line does not follow the one before");
      }
      seq = line.seq();
      hash = line.hash();
      start = end + 1;
    }
    byte[] torn = Arrays.copyOfRange(bytes, Math.min(start, bytes.length), bytes.length);
    boolean whole =
        torn.length > 0 && new ChainLine(torn, 0, torn.length - 1).isSound(Sha256.begin());
    if (whole || hash.isEmpty()) {
      throw damaged(file, from + start, "the line is not the one that was written");
    }
    String tornSha256 = Sha256.hex(torn);
    return new Tail(seq, hash, Optional.of(file), from + start, torn.length, tornSha256);
  }

  private static CannotStart damaged(Path file, long offset, String what) throws IOException {
    return new CannotStart(
        "the audit chain is damaged: "
            + file
            + ", line "
            + (linesBefore(file, offset) + 1)
            + ", byte "
            + offset
            + ": "
            + what,
        "Nothing was changed. Look with: exeat audit verify. To go on with a new chain, move the"
            + " folder to a safe place as it is.");
  }

  private static long linesBefore(Path file, long offset) throws IOException {
    try (RandomAccessFile in = new RandomAccessFile(file.toFile(), "r")) {
      byte[] bytes = new byte[(int) Math.min(offset, Integer.MAX_VALUE - 16)];
      in.readFully(bytes);
      long lines = 0;
      for (byte each : bytes) {
        lines += each == '\n' ? 1 : 0;
      }
      return lines;
    }
  }

  /** The position of the next end of line; the length when there is none. */
  private static int newline(byte[] bytes, int from) {
    int at = from;
    while (at < bytes.length && bytes[at] != '\n') {
      at++;
    }
    return at;
  }
}
