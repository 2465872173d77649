package io.exeat.policy;

import io.exeat.task.Step;
import java.util.List;
import java.util.Set;

/**
 * What the task did before this act, as the broker saw it; what is under way counts as done.
 *
 * @param calls acts permitted so far, those of all branches and repeats together
 * @param retries of these, repeats: the same action, tool, grant and arguments as an earlier one
 * @param branches how many acts are under way beside this one
 * @param denials acts that policy or people denied so far; what waits for people is none, nor is
 *     what no engine could decide or nothing could record
 * @param chain the last {@link #LAST} acts, oldest first: {@code <step>:<tool or grant>}
 * @param arguments SHA-256, in hex, of what each of the last {@link #HASHED} acts was given, as
 *     {@link Arguments#sha256}; in the order of the chain's end
 * @param results SHA-256, in hex, of what each of these acts gave, as its door saw it; empty for
 *     one that is not answered yet, or whose answer no door saw
 * @param steps every step that was taken
 * @param dataClasses every class of data that was read
 * @param outside every tool whose results came from outside
 */
public record History(
    int calls,
    int retries,
    int branches,
    int denials,
    List<String> chain,
    List<String> arguments,
    List<String> results,
    Set<Step> steps,
    Set<String> dataClasses,
    Set<String> outside) {
  /** The links of a chain that are remembered by name. */
  public static final int LAST = 32;

  /** Of these, those that are remembered by what they were given and gave, too. */
  public static final int HASHED = 8;

  /** Nothing was done yet. */
  public static final History NONE =
      new History(0, 0, 0, 0, List.of(), List.of(), List.of(), Set.of(), Set.of(), Set.of());

  public History {
    chain = List.copyOf(chain);
    arguments = List.copyOf(arguments);
    results = List.copyOf(results);
    steps = Set.copyOf(steps);
    dataClasses = Set.copyOf(dataClasses);
    outside = Set.copyOf(outside);
  }
}
