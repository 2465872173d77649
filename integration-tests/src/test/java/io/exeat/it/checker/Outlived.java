package io.exeat.it.checker;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Locale;

/** How long credentials lived on after their leave was over: sorted, in milliseconds. */
public final class Outlived {
  private static final long[] EDGES = {10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000};
  private final List<Long> millis;

  Outlived(Collection<Duration> times) {
    List<Long> sorted = new ArrayList<>(times.stream().map(Duration::toMillis).toList());
    sorted.sort(null);
    this.millis = List.copyOf(sorted);
  }

  public int count() {
    return millis.size();
  }

  /** The time that so many of a hundred are within; zero without any. */
  public Duration percentile(double percent) {
    if (millis.isEmpty()) {
      return Duration.ZERO;
    }
    int index = (int) Math.ceil(percent / 100 * millis.size()) - 1;
    return Duration.ofMillis(millis.get(Math.max(0, index)));
  }

  public Duration longest() {
    return percentile(100);
  }

  @Override
  public String toString() {
    StringBuilder text =
        new StringBuilder(
            String.format(
                Locale.ROOT,
                "outlived by (ms): n=%d p50=%d p95=%d p99=%d max=%d |",
                millis.size(),
                percentile(50).toMillis(),
                percentile(95).toMillis(),
                percentile(99).toMillis(),
                longest().toMillis()));
    long from = 0;
    for (long edge : EDGES) {
      long below = from;
      long count = millis.stream().filter(it -> it >= below && it < edge).count();
      if (count > 0) {
        text.append(String.format(Locale.ROOT, " <%d: %d", edge, count));
      }
      from = edge;
    }
    long above = from;
    long more = millis.stream().filter(it -> it >= above).count();
    return more == 0 ? text.toString() : text + " more: " + more;
  }
}
