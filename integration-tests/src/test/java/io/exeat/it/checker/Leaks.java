package io.exeat.it.checker;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** Looks for secrets where none may be: in files, and in the environment and words of a process. */
final class Leaks {
  /** Tokens of OpenBao and Vault. */
  private static final Pattern TOKEN =
      Pattern.compile("(?<![A-Za-z0-9_.-])(?:hv)?[sb]\\.[A-Za-z0-9_-]{24,}");

  private final Set<String> passwords = ConcurrentHashMap.newKeySet();

  void add(String password) {
    passwords.add(password);
  }

  int canaries() {
    return passwords.size();
  }

  /** Where a secret is, and what kind; at most one for each file. */
  Map<Path, String> find(List<Path> places) throws IOException {
    Map<Path, String> found = new LinkedHashMap<>();
    for (Path place : places) {
      try (Stream<Path> files = Files.exists(place) ? Files.walk(place) : Stream.empty()) {
        for (Path file : files.filter(Files::isRegularFile).toList()) {
          String text = new String(Files.readAllBytes(file), StandardCharsets.ISO_8859_1);
          if (hasPassword(text)) {
            found.put(file, "a password that was lent");
          } else {
            Matcher token = TOKEN.matcher(text);
            if (token.find()) {
              found.put(file, "what looks like a token of Vault, at byte " + token.start());
            }
          }
        }
      }
    }
    return found;
  }

  private boolean hasPassword(String text) {
    for (String password : passwords) {
      byte[] bytes = password.getBytes(StandardCharsets.UTF_8);
      if (text.contains(password)
          || text.contains(Base64.getEncoder().withoutPadding().encodeToString(bytes))
          || text.contains(HexFormat.of().formatHex(bytes))) {
        return true;
      }
    }
    return false;
  }
}
