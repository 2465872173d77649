package io.exeat.it.bench;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;

/** Times of one thing done again and again. */
final class Series {
  private final List<Long> nanos = new ArrayList<>();

  /** Does it and remembers how long it took. */
  <T> T time(Supplier<T> work) {
    long begun = System.nanoTime();
    T result = work.get();
    nanos.add(System.nanoTime() - begun);
    return result;
  }

  void add(long took) {
    nanos.add(took);
  }

  void addAll(Series other) {
    nanos.addAll(other.nanos);
  }

  int size() {
    return nanos.size();
  }

  void forget() {
    nanos.clear();
  }

  double millis(int percentile) {
    if (nanos.isEmpty()) {
      return Double.NaN;
    }
    List<Long> sorted = nanos.stream().sorted().toList();
    return sorted.get(Math.min(sorted.size() - 1, sorted.size() * percentile / 100)) / 1e6;
  }

  double median() {
    return millis(50);
  }

  @Override
  public String toString() {
    return "p50 %7.2f ms   p95 %7.2f ms".formatted(median(), millis(95));
  }
}
