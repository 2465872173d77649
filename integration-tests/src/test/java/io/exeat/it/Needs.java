package io.exeat.it;

import static org.junit.jupiter.api.Assumptions.abort;

import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/** What a test cannot do without. */
public final class Needs {
  private static final Set<String> SAID = ConcurrentHashMap.newKeySet();

  private Needs() {}

  /**
   * The part, or the test is skipped with one printed line. {@code EXEAT_REQUIRE=openbao,postgres}
   * makes a failure of that.
   */
  public static <T> T part(String name, Optional<T> part) {
    if (part.isPresent()) {
      return part.get();
    }
    String require = Optional.ofNullable(System.getenv("EXEAT_REQUIRE")).orElse("");
    if (List.of(require.split(",", -1)).contains(name)) {
      throw new AssertionError(name + " is required (EXEAT_REQUIRE) and not here");
    }
    if (SAID.add(name)) {
      System.err.println("skipped: " + name + " is not here; see integration-tests/README.md");
    }
    return abort(name + " is not here");
  }
}
