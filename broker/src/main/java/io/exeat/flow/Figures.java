package io.exeat.flow;

import io.exeat.base.Fault;
import io.exeat.base.Spread;
import io.exeat.base.Time;
import java.time.Duration;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.concurrent.atomic.LongAdder;
import java.util.stream.Collectors;

/** What was done and refused since the start, in numbers alone. */
final class Figures {
  private final Time time;
  private final ConcurrentMap<String, Spread> calls = new ConcurrentHashMap<>();
  private final ConcurrentMap<Kind, LongAdder> refused = new ConcurrentHashMap<>();
  private final ConcurrentMap<Kind, Fault> examples = new ConcurrentHashMap<>();

  /** Faults that are counted together: whatever their fields say, but for what is away. */
  private record Kind(Class<? extends Fault> fault, String dependency) {
    static Kind of(Fault fault) {
      String away = fault instanceof Fault.Unavailable it ? it.dependency().name() : "";
      return new Kind(fault.getClass(), away);
    }
  }

  Figures(Time time) {
    this.time = time;
  }

  /** The tick at which a call begins. */
  long begin() {
    return time.after(Duration.ZERO);
  }

  /** A call is answered: how long it took counts. */
  void answered(String method, long begun) {
    calls.computeIfAbsent(method, _ -> new Spread()).add(time.since(begun));
  }

  void refused(Fault fault) {
    Kind kind = Kind.of(fault);
    examples.putIfAbsent(kind, fault);
    refused.computeIfAbsent(kind, _ -> new LongAdder()).increment();
  }

  Map<String, Spread.Seen> calls() {
    return calls.entrySet().stream()
        .collect(Collectors.toMap(Map.Entry::getKey, it -> it.getValue().seen()));
  }

  /** How often, by one of the kind. */
  Map<Fault, Long> refused() {
    return refused.entrySet().stream()
        .collect(
            Collectors.toMap(
                it -> Objects.requireNonNull(examples.get(it.getKey())),
                it -> it.getValue().sum()));
  }
}
