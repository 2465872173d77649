package io.exeat.it.checker;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.function.Consumer;
import java.util.stream.Stream;

/**
 * Reads the audit chain as it grows, and is its witness: what was read once has to stay.
 *
 * <p>A line is {@code {"v":1,"seq":N,…,"prev":"<hash of the line before>","hash":"<SHA-256 of the
 * bytes before ,"hash">"}}.
 */
final class ChainEye {
  private static final JsonMapper JSON = JsonMapper.builder().build();
  private static final byte[] HASH = ",\"hash\":\"".getBytes(StandardCharsets.US_ASCII);

  private final Path folder;
  private final Consumer<String> broken;
  private int file;
  private long offset;
  private long seq;
  private String head = "0".repeat(64);

  /** What was last seen of the end of the chain, by position: it has to be there at every look. */
  private long witnessedAt = -1;

  private byte[] witnessed = {};

  /**
   * @param broken hears what is wrong with the chain
   */
  ChainEye(Path folder, Consumer<String> broken) {
    this.folder = folder;
    this.broken = broken;
  }

  long records() {
    return seq;
  }

  /** The records that were added since the last look, in order; an incomplete line is left. */
  synchronized List<JsonNode> look() throws IOException {
    List<JsonNode> added = new ArrayList<>();
    List<Path> files = files();
    witness(files);
    while (file < files.size()) {
      byte[] more = from(files.get(file), offset);
      int start = 0;
      for (int end = newline(more, start); end >= 0; end = newline(more, start)) {
        added.add(line(more, start, end, offset + start));
        witnessedAt = offset + start;
        witnessed = java.util.Arrays.copyOfRange(more, start, end + 1);
        start = end + 1;
      }
      offset += start;
      if (file == files.size() - 1) {
        return added;
      }
      if (start < more.length) {
        broken.accept(files.get(file) + " ends within a line and another file follows");
      }
      file++;
      offset = 0;
      witnessedAt = -1;
    }
    return added;
  }

  private List<Path> files() throws IOException {
    if (!Files.isDirectory(folder)) {
      return List.of();
    }
    try (Stream<Path> all = Files.list(folder)) {
      return all.filter(it -> it.toString().endsWith(".jsonl")).sorted().toList();
    }
  }

  private void witness(List<Path> files) throws IOException {
    if (witnessedAt < 0) {
      return;
    }
    byte[] now = file < files.size() ? from(files.get(file), witnessedAt) : new byte[0];
    if (now.length < witnessed.length
        || !java.util.Arrays.equals(now, 0, witnessed.length, witnessed, 0, witnessed.length)) {
      broken.accept("record " + seq + " was there and is not any more");
      witnessedAt = -1;
    }
  }

  private JsonNode line(byte[] bytes, int start, int end, long at) throws IOException {
    String where = "byte " + at + " of file " + (file + 1);
    int hash = end - HASH.length - 64 - 2;
    if (hash <= start
        || !java.util.Arrays.equals(bytes, hash, hash + HASH.length, HASH, 0, HASH.length)) {
      broken.accept(where + ": no line of the chain");
      return JSON.createObjectNode();
    }
    MessageDigest sha256 = sha256();
    sha256.update(bytes, start, hash - start);
    String is = HexFormat.of().formatHex(sha256.digest());
    JsonNode record = JSON.readTree(bytes, start, end - start);
    if (!is.equals(record.path("hash").asText())) {
      broken.accept(where + ": not the line that was hashed");
    }
    if (record.path("seq").asLong() != seq + 1) {
      broken.accept(where + ": record " + record.path("seq") + " follows record " + seq);
    }
    if (!record.path("prev").asText().equals(head)) {
      broken.accept(where + ": it follows another record than the one before it");
    }
    seq = record.path("seq").asLong();
    head = record.path("hash").asText();
    return record;
  }

  private static byte[] from(Path path, long offset) throws IOException {
    try (RandomAccessFile in = new RandomAccessFile(path.toFile(), "r")) {
      in.seek(offset);
      ByteArrayOutputStream bytes = new ByteArrayOutputStream();
      byte[] buffer = new byte[1 << 16];
      for (int n = in.read(buffer); n >= 0; n = in.read(buffer)) {
        bytes.write(buffer, 0, n);
      }
      return bytes.toByteArray();
    }
  }

  private static int newline(byte[] bytes, int from) {
    for (int i = from; i < bytes.length; i++) {
      if (bytes[i] == '\n') {
        return i;
      }
    }
    return -1;
  }

  static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }

  static String sha256(String text) {
    return HexFormat.of().formatHex(sha256().digest(text.getBytes(StandardCharsets.UTF_8)));
  }
}
