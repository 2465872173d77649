package io.exeat.policy;

import java.util.List;

/** A set of policies that cannot be taken: every problem, for whoever wrote them. */
public final class BadPolicy extends Exception {
  private static final long serialVersionUID = 1L;

  private final transient List<String> problems;

  public BadPolicy(List<String> problems) {
    super(String.join("; ", problems));
    this.problems = List.copyOf(problems);
  }

  public List<String> problems() {
    return problems;
  }
}
