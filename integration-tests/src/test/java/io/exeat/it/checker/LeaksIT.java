package io.exeat.it.checker;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;
import java.util.HexFormat;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the checker looks for is found wherever it is, and nothing else is. */
final class LeaksIT {
  private static final String SECRET = "Zq3-fake-password-of-20";
  private static final byte[] BYTES = SECRET.getBytes(StandardCharsets.UTF_8);

  @TempDir private Path folder;

  @Test
  void aSecretIsFoundInAnyFormAtAnyPlace() throws IOException {
    Leaks leaks = new Leaks();
    for (int i = 0; i < 1000; i++) {
      leaks.add("another-fake-password-" + i);
    }
    leaks.add(SECRET);
    for (String form :
        List.of(
            SECRET,
            Base64.getEncoder().encodeToString(BYTES),
            HexFormat.of().formatHex(BYTES),
            "hvs.an-invented-token-that-is-long-enough")) {
      for (int at :
          new int[] {0, 1, Leaks.PIECE - form.length(), Leaks.PIECE - 3, Leaks.PIECE + 70}) {
        assertThat(leaks.find(List.of(write("=".repeat(at) + form + "\n"))))
            .as("%s at %d", form, at)
            .hasSize(1);
      }
    }
  }

  @Test
  void whatIsMuchTheSameIsNone() throws IOException {
    Leaks leaks = new Leaks();
    leaks.add(SECRET);
    String text = SECRET.substring(0, 22) + " xs.an-invented-token-that-is-long-enough";
    // Cut between its letters a long word looks like a token.
    String word = "a".repeat(Leaks.PIECE - 4096) + "s." + "b".repeat(40);

    assertThat(leaks.find(List.of(write(text), write(word), folder.resolve("none")))).isEmpty();
  }

  private Path write(String text) throws IOException {
    return Files.writeString(Files.createTempFile(folder, "text", ""), text);
  }
}
