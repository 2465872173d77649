package io.exeat.policy.cedar;

import java.util.Comparator;
import java.util.List;

/**
 * What a set of policies says to a question.
 *
 * @param because every forbid that is satisfied, or else every permit that is, by identifier
 */
record Outcome(boolean permitted, List<Rule> because) {
  static Outcome of(boolean permitted, List<Rule> because) {
    return new Outcome(
        permitted,
        because.stream().sorted(Comparator.comparing(rule -> rule.policy().getID())).toList());
  }
}
