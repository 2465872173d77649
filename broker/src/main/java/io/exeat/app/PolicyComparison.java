package io.exeat.app;

import io.exeat.policy.BadPolicy;
import io.exeat.policy.CaseSuite;
import io.exeat.policy.Decision;
import io.exeat.policy.PolicyFiles;
import io.exeat.policy.Question;
import io.exeat.policy.cedar.CedarEngine;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * How two sets of policies differ, and how they decide each other's cases.
 *
 * @param from the hash of the first
 * @param to the hash of the second
 * @param removed identifiers of policies, as {@code added} and {@code changed}
 * @param questions how many cases there are
 */
record PolicyComparison(
    String from,
    String to,
    List<String> removed,
    List<String> added,
    List<String> changed,
    int questions,
    List<Change> otherwise) {

  /** One case that they decide otherwise. */
  record Change(String name, Decision was, Decision now) {}

  static PolicyComparison of(CedarEngine old, CedarEngine fresh, List<PolicyFiles> cases)
      throws BadPolicy {
    Map<String, String> before = old.policies();
    Map<String, String> after = fresh.policies();
    Map<String, Question> questions = new TreeMap<>();
    for (PolicyFiles files : cases) {
      CaseSuite.parse(files.cases()).cases().forEach(it -> questions.put(it.name(), it.question()));
    }
    List<Change> otherwise = new ArrayList<>();
    questions.forEach((name, question) -> {
      Decision was = old.decide(question);
      Decision now = fresh.decide(question);
      if (!now.isLike(was)) {
        otherwise.add(new Change(name, was, now));
      }
    });
    return new PolicyComparison(
        old.sha256(),
        fresh.sha256(),
        before.keySet().stream().filter(it -> !after.containsKey(it)).sorted().toList(),
        after.keySet().stream().filter(it -> !before.containsKey(it)).sorted().toList(),
        after.entrySet().stream()
            .filter(it -> before.containsKey(it.getKey()))
            .filter(it -> !it.getValue().equals(before.get(it.getKey())))
            .map(Map.Entry::getKey)
            .sorted()
            .toList(),
        questions.size(),
        List.copyOf(otherwise));
  }

  /** The policies that differ, for people. */
  List<String> lines() {
    TreeSet<String> all = new TreeSet<>(removed);
    all.addAll(added);
    all.addAll(changed);
    return all.stream()
        .map(it -> (removed.contains(it) ? "- " : added.contains(it) ? "+ " : "~ ") + it)
        .toList();
  }
}
