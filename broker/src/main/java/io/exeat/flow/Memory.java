package io.exeat.flow;

import io.exeat.policy.History;
import io.exeat.task.Step;
import java.util.ArrayDeque;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/**
 * What one task did, as the broker saw it. An act counts from the moment it is asked for, so that
 * branches which ask at once see each other: together they have the task's one budget.
 *
 * <p>Bounded: classes and tools come from the catalogue, the chain and the acts that a repeat is
 * known by are the last ones. A repeat that is not known as one counts as a new act.
 */
final class Memory {
  private static final int KNOWN_ACTS = 512;

  private final ArrayDeque<Done> chain = new ArrayDeque<>();
  private final LinkedHashSet<String> acts = new LinkedHashSet<>();
  private Set<Step> steps = Set.of();
  private Set<String> dataClasses = Set.of();
  private Set<String> outside = Set.of();
  private int calls;
  private int retries;
  private int underWay;
  private int denials;

  /**
   * What an act leaves behind once it is permitted.
   *
   * @param key the same for an act and its repeats
   * @param link of the chain
   * @param arguments SHA-256 of what it is given, in hex
   * @param dataClasses that it may read
   * @param outside the tool, when its results come from outside
   */
  record Trace(
      String key,
      String link,
      String arguments,
      Step step,
      Set<String> dataClasses,
      Set<String> outside) {}

  /**
   * An act that counts already.
   *
   * @param before what was done before it
   */
  record Begun(Trace trace, History before, boolean isRepeat) {}

  /** An act of the chain; it is answered once, or never. */
  final class Done {
    private final String link;
    private final String arguments;
    private String result = "";

    private Done(Trace trace) {
      this.link = trace.link();
      this.arguments = trace.arguments();
    }

    /** What it gave, by its SHA-256 in hex; the first answer counts. */
    void answered(String sha256) {
      synchronized (Memory.this) {
        result = result.isEmpty() ? sha256 : result;
      }
    }
  }

  /** The act counts from now on, until it is {@link #denied} or {@link #undone}. */
  synchronized Begun begin(Trace trace) {
    Begun begun = new Begun(trace, history(), acts.contains(trace.key()));
    calls++;
    underWay++;
    retries += begun.isRepeat() ? 1 : 0;
    return begun;
  }

  /** What was done so far, for a question that is no act of its own. */
  synchronized History history() {
    String[] links = new String[chain.size()];
    int named = Math.max(0, links.length - History.HASHED);
    String[] arguments = new String[links.length - named];
    String[] results = new String[links.length - named];
    int at = 0;
    for (Done each : chain) {
      if (at >= named) {
        arguments[at - named] = each.arguments;
        results[at - named] = each.result;
      }
      links[at++] = each.link;
    }
    return new History(
        calls,
        retries,
        underWay,
        denials,
        List.of(links),
        List.of(arguments),
        List.of(results),
        steps,
        dataClasses,
        outside);
  }

  /** The act is permitted, and may be under way until {@link #done}. */
  synchronized Done permitted(Begun begun) {
    Trace trace = begun.trace();
    if (acts.add(trace.key()) && acts.size() > KNOWN_ACTS) {
      acts.removeFirst();
    }
    Done act = new Done(trace);
    chain.add(act);
    if (chain.size() > History.LAST) {
      chain.remove();
    }
    steps = with(steps, Set.of(trace.step()));
    dataClasses = with(dataClasses, trace.dataClasses());
    outside = with(outside, trace.outside());
    return act;
  }

  /** Seldom anything new: what questions hold of it is the set itself. */
  private static <T> Set<T> with(Set<T> known, Set<T> more) {
    if (known.containsAll(more)) {
      return known;
    }
    Set<T> all = new HashSet<>(known);
    all.addAll(more);
    return Set.copyOf(all);
  }

  /** Policy denies the act: it does not count any more, the denial does. */
  synchronized void denied(Begun begun) {
    undone(begun);
    denials++;
  }

  /** The act waits for people, or nobody could say anything of it: it may come again. */
  synchronized void undone(Begun begun) {
    calls--;
    underWay--;
    retries -= begun.isRepeat() ? 1 : 0;
  }

  /** The act is not under way any more. */
  synchronized void done() {
    underWay--;
  }
}
