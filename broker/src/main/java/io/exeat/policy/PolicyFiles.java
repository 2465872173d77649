package io.exeat.policy;

import io.exeat.base.Sha256;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Stream;

/**
 * A set of policies as its files say: {@code *.cedar} with what beside them says what they must
 * decide, {@code *.cases.yaml}.
 *
 * @param source where they are, for people
 * @param policies content by file name
 * @param cases content by file name
 */
public record PolicyFiles(
    String source, SortedMap<String, String> policies, SortedMap<String, String> cases) {
  private static final int MOST_FILES = 200;
  private static final long MOST_BYTES = 4 << 20;

  /** Those that ship with Exeat, in the jar. */
  private static final List<String> SHIPPED =
      List.of("exeat.cedar", "tiers.cedar", "exeat.cases.yaml", "tiers.cases.yaml");

  /**
   * The files of {@code folder}, whole.
   *
   * @throws IOException when one cannot be read, is no UTF-8, or they are too many or too large
   */
  public static PolicyFiles read(Path folder) throws IOException {
    SortedMap<String, String> policies = new TreeMap<>();
    SortedMap<String, String> cases = new TreeMap<>();
    List<Path> files;
    try (Stream<Path> all = Files.list(folder)) {
      files = all.filter(PolicyFiles::isOurs).sorted().limit(MOST_FILES + 1L).toList();
    }
    long bytes = 0;
    for (Path file : files) {
      bytes += Files.size(file);
      if (bytes > MOST_BYTES || files.size() > MOST_FILES) {
        throw new IOException(
            "there are more than " + MOST_FILES + " files or " + MOST_BYTES + " bytes");
      }
      String name = String.valueOf(file.getFileName());
      try {
        (name.endsWith(".cedar") ? policies : cases).put(name, Files.readString(file));
      } catch (CharacterCodingException e) {
        throw new IOException(name + " is not UTF-8", e);
      }
    }
    return new PolicyFiles(folder.toString(), policies, cases);
  }

  /** Those that ship with Exeat: the tiers. */
  public static PolicyFiles shipped() {
    SortedMap<String, String> policies = new TreeMap<>();
    SortedMap<String, String> cases = new TreeMap<>();
    for (String name : SHIPPED) {
      (name.endsWith(".cedar") ? policies : cases).put(name, resource(name));
    }
    return new PolicyFiles("the policies that ship with Exeat", policies, cases);
  }

  /** A file of {@code deploy/policies} that is in the jar. */
  public static String resource(String name) {
    try (InputStream in = PolicyFiles.class.getResourceAsStream("/policies/" + name)) {
      if (in == null) {
        throw new IllegalStateException("the jar has no policies/" + name);
      }
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new IllegalStateException("the jar cannot be read", e);
    }
  }

  /** SHA-256 over the names and contents of the policies, in hex: one hash for one behaviour. */
  public String sha256() {
    MessageDigest sha256 = Sha256.begin();
    for (Map.Entry<String, String> each : policies.entrySet()) {
      String entry = each.getKey() + "\0" + each.getValue() + "\0";
      sha256.update(entry.getBytes(StandardCharsets.UTF_8));
    }
    return HexFormat.of().formatHex(sha256.digest());
  }

  private static boolean isOurs(Path file) {
    String name = String.valueOf(file.getFileName());
    return !name.startsWith(".") && (name.endsWith(".cedar") || name.endsWith(".cases.yaml"));
  }
}
