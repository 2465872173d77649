package io.exeat.base;

import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.concurrent.atomic.LongAdder;
import java.util.stream.IntStream;

/** How long something took, each time: counted by how long. Safe for several threads. */
public final class Spread {
  /** In seconds: each bound is in its bucket; the last bucket has none. */
  private static final double[] BOUNDS = {
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300
  };

  private final AtomicLongArray counts = new AtomicLongArray(BOUNDS.length + 1);
  private final LongAdder nanos = new LongAdder();

  public void add(Duration took) {
    double seconds = took.toNanos() / 1e9;
    int bucket = Arrays.binarySearch(BOUNDS, seconds);
    counts.incrementAndGet(bucket < 0 ? -bucket - 1 : bucket);
    nanos.add(took.toNanos());
  }

  public Seen seen() {
    return new Seen(
        Arrays.stream(BOUNDS).boxed().toList(),
        IntStream.range(0, counts.length()).mapToObj(counts::get).toList(),
        nanos.sum() / 1e9);
  }

  /**
   * What was counted so far.
   *
   * @param bounds of the buckets, in seconds; the last bucket has none
   * @param counts of each bucket alone
   * @param seconds all together
   */
  public record Seen(List<Double> bounds, List<Long> counts, double seconds) {
    public Seen {
      bounds = List.copyOf(bounds);
      counts = List.copyOf(counts);
    }
  }
}
