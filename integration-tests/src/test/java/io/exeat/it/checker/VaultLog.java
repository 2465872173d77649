package io.exeat.it.checker;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/** Reads what Vault's own audit file says that it lent. Broken lines are skipped. */
final class VaultLog {
  private static final JsonMapper JSON = JsonMapper.builder().build();
  static final String LOGINS = "database/creds/";
  static final String CERTIFICATES = "pki/sign/";

  private final Path file;
  private long offset;

  /**
   * One login, or certificate, that Vault made.
   *
   * @param epoch {@code <task>-e<number>} whose token asked for it
   */
  record Lent(String lease, String grant, String epoch, Instant at) {}

  /** Begins with what is written from now on. */
  VaultLog(Path file) throws IOException {
    this.file = file;
    this.offset = Files.size(file);
  }

  /** What was lent since the last look. */
  synchronized List<Lent> look() throws IOException {
    List<Lent> lent = new ArrayList<>();
    byte[] bytes;
    try (RandomAccessFile in = new RandomAccessFile(file.toFile(), "r")) {
      in.seek(offset);
      bytes = new byte[(int) Math.min(in.length() - offset, 64 << 20)];
      in.readFully(bytes);
    }
    int start = 0;
    for (int i = 0; i < bytes.length; i++) {
      if (bytes[i] == '\n') {
        line(new String(bytes, start, i - start, StandardCharsets.UTF_8), lent);
        start = i + 1;
      }
    }
    offset += start;
    return lent;
  }

  /** Of {@code <engine>/<verb>/<grant>/<id>}. */
  private static String grant(String lease) {
    return lease.split("/", -1)[2];
  }

  private void line(String text, List<Lent> lent) {
    if (Stream.of(LOGINS, CERTIFICATES).noneMatch(it -> text.contains("\"lease_id\":\"" + it))) {
      return;
    }
    try {
      JsonNode line = JSON.readTree(text);
      JsonNode meta = line.path("auth").path("metadata");
      String lease = line.path("response").path("secret").path("lease_id").asText();
      // The broker's own logins are lent to its session, which is for no task.
      if (line.path("type").asText().equals("response")
          && Stream.of(LOGINS, CERTIFICATES).anyMatch(lease::startsWith)
          && meta.has("task_id")) {
        lent.add(
            new Lent(
                lease,
                grant(lease),
                meta.path("task_id").asText() + "-e" + meta.path("epoch").asText(),
                Instant.parse(line.path("time").asText())));
      }
    } catch (JsonProcessingException e) {
      // Half a line, or two: the disk was full. The one is in the other's place.
    }
  }
}
