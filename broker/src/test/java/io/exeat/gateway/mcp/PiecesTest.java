package io.exeat.gateway.mcp;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** What was lent is found however it is cut, and nothing else is. */
class PiecesTest {
  private static final String SECRET = "Kx9-tQ2vLm7zRw4pYb8c";
  private static final String GONE = "#";

  private final Pieces pieces = new Pieces(List.of(SECRET, "4b78392d7451"));

  @Test
  void howeverItIsCutNobodyGetsMoreThanItsFirstCharacters() {
    Random random = new Random(7);
    for (int i = 0; i < 3_000; i++) {
      Pieces fresh = new Pieces(List.of(SECRET));
      String text = noise(random) + SECRET + noise(random);
      StringBuilder seen = new StringBuilder();
      for (int at = 0; at < text.length(); ) {
        int to = Math.min(text.length(), at + 1 + random.nextInt(9));
        seen.append(fresh.clean(0, text.substring(at, to), GONE));
        if (random.nextBoolean()) {
          assertThat(fresh.clean(1, "2.0", GONE)).isEqualTo("2.0"); // between, elsewhere
        }
        at = to;
      }
      String left = seen.toString().replace(GONE, "");
      assertThat(windows(left)).as(text + " -> " + seen).isEmpty();
    }
  }

  @Test
  void piecesAtOtherPlacesGoToo() {
    assertThat(pieces.clean(1, "it begins Kx9-tQ2v", GONE)).isEqualTo("it begins #");
    assertThat(pieces.clean(2, "Lm7zRw4p", GONE)).isEqualTo("#");
    assertThat(pieces.clean(3, "Yb8c and ends", GONE)).isEqualTo("# and ends");
  }

  @Test
  void whatIsWholeGoesEachTime() {
    assertThat(pieces.clean(0, "a" + SECRET + "b" + SECRET + SECRET, GONE)).isEqualTo("a#b#");
    assertThat(pieces.clean(0, "4b78392d7451", GONE)).isEqualTo("#");
  }

  @Test
  void everythingElseStays() {
    assertThat(pieces.isOpen()).isFalse();
    for (String each : List.of("", "Kx9", "K", "x9-tQ2vLm7zRw4pYb8c", "tQ2vLm", "Yb8c", "Kx9-t!")) {
      Pieces fresh = new Pieces(List.of(SECRET));
      assertThat(fresh.clean(0, each, GONE)).isEqualTo(each);
    }
    assertThat(pieces.clean(0, "Kx9", GONE)).isEqualTo("Kx9");
    assertThat(pieces.clean(0, "!-tQ2vLm7zRw4pYb8c", GONE)).isEqualTo("!-tQ2vLm7zRw4pYb8c");
    assertThat(pieces.isOpen()).isFalse();
  }

  @Test
  void whatIsRememberedIsBounded() {
    for (int i = 0; i < 10_000; i++) {
      assertThat(pieces.clean(i, "K", GONE)).isEqualTo("K");
    }
    assertThat(pieces.clean(9_999, "x9-", GONE)).isEqualTo("#"); // the last places are remembered
    assertThat(pieces.clean(3, "x9-", GONE)).isEqualTo("x9-");
  }

  private static String noise(Random random) {
    return "Kx9-tabc".substring(random.nextInt(8)).repeat(random.nextInt(3));
  }

  /** Parts of the secret of more characters than may be seen. */
  private static List<String> windows(String text) {
    List<String> found = new ArrayList<>();
    int length = Pieces.LEAST + 2; // noise of ours may stand before its first ones
    IntStream.rangeClosed(0, SECRET.length() - length)
        .mapToObj(at -> SECRET.substring(at, at + length))
        .filter(text::contains)
        .forEach(found::add);
    return found;
  }
}
