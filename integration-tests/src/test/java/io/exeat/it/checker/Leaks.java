package io.exeat.it.checker;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.BitSet;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * Looks for secrets where none may be: in files, and in the environment and words of a process. One
 * pass over each file, however many secrets there are.
 */
final class Leaks {
  /** Read at once; what goes across two pieces is in the second one whole. */
  static final int PIECE = 1 << 18;

  private static final int OVERLAP = 1 << 12;

  /** How much of a secret's beginning is looked up at each place of a text. */
  private static final int BEGINNING = 16;

  private static final int FACTOR = 0x01000193;

  /** Tokens of OpenBao and Vault. */
  private static final Pattern TOKEN =
      Pattern.compile("(?<![A-Za-z0-9_.-])(?:hv)?[sb]\\.[A-Za-z0-9_-]{24,}");

  private final Set<String> passwords = ConcurrentHashMap.newKeySet();

  void add(String password) {
    if (password.length() < BEGINNING || password.length() > OVERLAP / 3) {
      throw new IllegalArgumentException("no secret of " + password.length() + " letters");
    }
    passwords.add(password);
  }

  int canaries() {
    return passwords.size();
  }

  /** Where a secret is, and what kind; at most one for each file. */
  Map<Path, String> find(List<Path> places) throws IOException {
    Beginnings beginnings = new Beginnings(passwords);
    Map<Path, String> found = new LinkedHashMap<>();
    for (Path place : places) {
      try (Stream<Path> files = Files.exists(place) ? Files.walk(place) : Stream.empty()) {
        for (Path file : files.filter(Files::isRegularFile).toList()) {
          String what = find(file, beginnings);
          if (!what.isEmpty()) {
            found.put(file, what);
          }
        }
      }
    }
    return found;
  }

  private static String find(Path file, Beginnings beginnings) throws IOException {
    try (InputStream in = Files.newInputStream(file)) {
      String before = "";
      for (long at = 0; ; ) {
        byte[] next = in.readNBytes(PIECE);
        String text = before + new String(next, StandardCharsets.ISO_8859_1);
        if (beginnings.isIn(text)) {
          return "a secret that was lent";
        }
        Matcher token = TOKEN.matcher(text);
        while (token.find()) {
          if (at == 0 || token.start() > 0) { // or it may be the rest of something longer
            return "what looks like a token of Vault, at byte " + (at + token.start());
          }
        }
        if (next.length < PIECE) {
          return "";
        }
        before = text.substring(text.length() - OVERLAP);
        at += text.length() - OVERLAP;
      }
    }
  }

  /** Secrets as they are, in base64 and in hex, by the sum of their first letters. */
  private static final class Beginnings {
    private static final int MASK = (1 << 24) - 1;

    private final Map<Integer, List<String>> secrets = new HashMap<>();
    private final BitSet sums = new BitSet(MASK + 1);
    private final int out; // what the letter that leaves has come to

    Beginnings(Set<String> passwords) {
      int power = 1;
      for (int i = 0; i < BEGINNING; i++) {
        power *= FACTOR;
      }
      out = power;
      for (String password : passwords) {
        byte[] bytes = password.getBytes(StandardCharsets.UTF_8);
        add(password);
        add(Base64.getEncoder().withoutPadding().encodeToString(bytes));
        add(HexFormat.of().formatHex(bytes));
      }
    }

    private void add(String secret) {
      int sum = 0;
      for (int i = 0; i < BEGINNING; i++) {
        sum = sum * FACTOR + secret.charAt(i);
      }
      secrets.computeIfAbsent(sum, it -> new ArrayList<>()).add(secret);
      sums.set(sum & MASK);
    }

    boolean isIn(String text) {
      int sum = 0;
      for (int i = 0; i < text.length(); i++) {
        sum = sum * FACTOR + text.charAt(i);
        int begin = i + 1 - BEGINNING;
        if (begin > 0) {
          sum -= out * text.charAt(begin - 1);
        }
        if (begin >= 0 && sums.get(sum & MASK)) {
          for (String secret : secrets.getOrDefault(sum, List.of())) {
            if (text.startsWith(secret, begin)) {
              return true;
            }
          }
        }
      }
      return false;
    }
  }
}
