package io.exeat.audit;

import io.exeat.base.Sha256;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.List;
import java.util.Optional;

/**
 * Checks a chain by its bytes alone: each line's hash, its link to the line before, its position.
 *
 * <p>Whoever can write the files can also compute hashes: a chain is as good as what is known of it
 * elsewhere. Records cut from the end are seen only with a count or a head hash from elsewhere
 * ({@link Expected}).
 */
public final class AuditVerifier {
  private final MessageDigest sha256 = Sha256.begin();
  private long records;
  private String first = "";
  private String last = "";
  private String head = ChainLine.NO_HASH;
  private final Optional<Expected> expected;
  private boolean expectedSeen;

  private AuditVerifier(Optional<Expected> expected) {
    this.expected = expected;
  }

  /**
   * Checks the chain in {@code folder}, reading every byte once.
   *
   * @param expected what is known of it from elsewhere
   * @throws IOException when a file cannot be read
   */
  public static Result verify(Path folder, Optional<Expected> expected) throws IOException {
    return new AuditVerifier(expected).verify(folder);
  }

  private Result verify(Path folder) throws IOException {
    List<Path> files = ChainFiles.in(folder);
    for (int i = 0; i < files.size(); i++) {
      Path file = files.get(i);
      boolean empty = Files.size(file) == 0;
      if (!empty && ChainFiles.firstSeq(file) != records + 1) {
        Kind kind = ChainFiles.firstSeq(file) > records + 1 ? Kind.DROPPED : Kind.DUPLICATE;
        return broken(kind, file, 1, 0, "the file before ends with record " + records);
      }
      Optional<Result.Broken> broken = verifyFile(file, i == files.size() - 1);
      if (broken.isPresent()) {
        return broken.get();
      }
    }
    if (expected.isPresent() && !expectedSeen && !expected.get().isNothing()) {
      Path file = files.isEmpty() ? folder : files.getLast();
      long size = files.isEmpty() ? 0 : Files.size(file);
      return broken(
          Kind.CUT,
          file,
          0,
          size,
          "it ends with record " + records + "; there were " + expected.get().count());
    }
    return new Result.Sound(files.size(), records, first, last, head);
  }

  private Optional<Result.Broken> verifyFile(Path file, boolean lastFile) throws IOException {
    try (InputStream in = Files.newInputStream(file)) {
      byte[] buffer = new byte[ChainLine.MOST_BYTES];
      int filled = 0;
      int start = 0;
      long offset = 0;
      long line = 1;
      while (true) {
        int end = indexOfNewline(buffer, start, filled);
        if (end < 0) {
          // Move what is left to the front and read on.
          System.arraycopy(buffer, start, buffer, 0, filled - start);
          filled -= start;
          start = 0;
          int read = filled == buffer.length ? -2 : in.read(buffer, filled, buffer.length - filled);
          if (read == -2) {
            return Optional.of(
                broken(Kind.CHANGED, file, line, offset, "the line is longer than any record"));
          }
          if (read < 0) {
            return filled == 0
                ? Optional.empty()
                : Optional.of(torn(file, line, offset, buffer, filled, lastFile));
          }
          filled += read;
        } else {
          Optional<Result.Broken> broken =
              verifyLine(new ChainLine(buffer, start, end), file, line, offset);
          if (broken.isPresent()) {
            return broken;
          }
          offset += end + 1 - start;
          start = end + 1;
          line++;
        }
      }
    }
  }

  private Optional<Result.Broken> verifyLine(ChainLine line, Path file, long number, long offset) {
    if (!line.isSound(sha256)) {
      return Optional.of(
          broken(Kind.CHANGED, file, number, offset, "the line is not the one that was hashed"));
    }
    long seq = line.seq();
    if (seq != records + 1) {
      Kind kind = seq <= records ? Kind.DUPLICATE : Kind.DROPPED;
      return Optional.of(
          broken(kind, file, number, offset, "record " + seq + " follows record " + records));
    }
    if (!line.prev().equals(head)) {
      return Optional.of(
          broken(Kind.REWRITTEN, file, number, offset, "it follows another record than this one"));
    }
    records = seq;
    head = line.hash();
    last = line.text("at");
    if (seq == 1) {
      first = last;
    }
    if (expected.isPresent() && expected.get().count() == seq) {
      if (!expected.get().headHash().map(head::equals).orElse(true)) {
        return Optional.of(
            broken(
                Kind.REWRITTEN, file, number, offset, "its hash is not the one known elsewhere"));
      }
      expectedSeen = true;
    }
    return Optional.empty();
  }

  private Result.Broken torn(
      Path file, long line, long offset, byte[] buffer, int length, boolean lastFile) {
    boolean whole = new ChainLine(buffer, 0, length - 1).isSound(sha256);
    if (whole || !lastFile) {
      return broken(
          Kind.CHANGED, file, line, offset, whole ? "the end of its line" : "its end is missing");
    }
    return broken(
        Kind.TORN,
        file,
        line,
        offset,
        "the last line is not complete: a crash while it was written; nobody was told of it");
  }

  private Result.Broken broken(Kind kind, Path file, long line, long offset, String what) {
    return new Result.Broken(kind, file, line, offset, records, head, what);
  }

  private static int indexOfNewline(byte[] buffer, int from, int to) {
    for (int i = from; i < to; i++) {
      if (buffer[i] == '\n') {
        return i;
      }
    }
    return -1;
  }

  /**
   * What is known of a chain from elsewhere.
   *
   * @param count how many records there were; 0 for none
   * @param headHash the hash of record {@code count}, in hex
   */
  public record Expected(long count, Optional<String> headHash) {
    boolean isNothing() {
      return count == 0;
    }
  }

  /** What is wrong. */
  public enum Kind {
    /** A line is not the one that was hashed. */
    CHANGED,
    /** Records are missing before this one. */
    DROPPED,
    /** This record, or a later one, has been there already: repeated, or out of order. */
    DUPLICATE,
    /** The record is sound by itself and belongs to another chain. */
    REWRITTEN,
    /** The last line of all is not complete; the broker mends this when it starts. */
    TORN,
    /** Fewer records than were known to be there. */
    CUT
  }

  /** What came of it. */
  public sealed interface Result {
    /**
     * Every record is as it was written.
     *
     * @param first when the first record was made, in RFC 3339; empty without any
     * @param last when the last record was made; empty without any
     * @param headHash the last record's hash
     */
    record Sound(int files, long records, String first, String last, String headHash)
        implements Result {}

    /**
     * Something is wrong; this is the first of it.
     *
     * @param line in the file, from 1; 0 for its end
     * @param offset of the line's first byte in the file, from 0
     * @param records how many are sound before it
     * @param headHash the hash of the last sound one
     */
    record Broken(
        Kind kind, Path file, long line, long offset, long records, String headHash, String what)
        implements Result {}
  }
}
