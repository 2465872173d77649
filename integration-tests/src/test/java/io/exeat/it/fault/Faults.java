package io.exeat.it.fault;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.time.Duration;
import java.util.List;
import java.util.Locale;

/** How long the runs are: short in {@code verify}, long with {@code ./mvnw -Pfaults verify}. */
final class Faults {
  static final boolean LONG = Boolean.getBoolean("exeat.faults.long");

  private Faults() {}

  /** Skips a run that takes too long for {@code verify}. */
  static void atLengthOnly() {
    assumeTrue(LONG, "runs with ./mvnw -Pfaults verify");
  }

  /** The one or the other. */
  static int times(int inShort, int inLong) {
    return Integer.getInteger("exeat.faults.times", LONG ? inLong : inShort);
  }

  static Duration since(long nanos) {
    return Duration.ofNanos(System.nanoTime() - nanos);
  }

  /** One line for people: sorted, in milliseconds. */
  static String spread(List<Duration> times) {
    List<Long> millis = times.stream().map(Duration::toMillis).sorted().toList();
    if (millis.isEmpty()) {
      return "none";
    }
    int n = millis.size();
    return String.format(
        Locale.ROOT,
        "n=%d p50=%d p99=%d max=%d ms",
        n,
        millis.get(n / 2),
        millis.get(Math.max(0, (int) Math.ceil(n * 0.99) - 1)),
        millis.getLast());
  }
}
