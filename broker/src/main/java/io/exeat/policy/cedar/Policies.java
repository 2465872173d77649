package io.exeat.policy.cedar;

import com.cedarpolicy.BasicAuthorizationEngine;
import com.cedarpolicy.model.AuthorizationResponse;
import com.cedarpolicy.model.AuthorizationSuccessResponse;
import com.cedarpolicy.model.exception.AuthException;
import com.cedarpolicy.model.exception.CacheException;
import com.cedarpolicy.model.policy.Policy;
import com.cedarpolicy.model.policy.PolicySet;
import io.exeat.policy.BadPolicy;
import io.exeat.policy.PolicyFiles;
import io.exeat.policy.Question;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Supplier;

/**
 * A set of policies that has passed the type check. A question is decided in Java by the policies
 * that can speak to it, as {@link Translation} has them; when one of these could not be translated,
 * or the translation did not decide the set's own cases as Cedar does, Cedar is given them. It
 * costs by the policy; each such choice is parsed by it once.
 */
final class Policies {
  /**
   * Choices that are kept: some for each action, and a few for grants and tools that have rules.
   */
  private static final int MOST_CHOICES = 256;

  private final BasicAuthorizationEngine cedar = new BasicAuthorizationEngine();
  private final List<Rule> rules;
  private final Map<String, Rule> byId;
  private final String sha256;
  private final Map<BitSet, PolicySet> choices = new LinkedHashMap<>(64, 0.75f, true);
  private final boolean allTranslated;
  private volatile boolean translated = true;

  Policies(List<Rule> rules, String sha256) {
    this.rules = rules;
    this.allTranslated = this.rules.stream().allMatch(rule -> rule.satisfied().isPresent());
    this.sha256 = sha256;
    this.byId = new LinkedHashMap<>();
    rules.forEach(rule -> byId.put(rule.policy().getID(), rule));
  }

  /**
   * @throws BadPolicy with every problem: syntax, names, types, policies that could never speak
   */
  static Policies load(PolicyFiles files) throws BadPolicy {
    return new Policies(Parsed.rules(files), files.sha256());
  }

  static PolicySet set(List<Rule> rules) {
    Set<Policy> policies = new HashSet<>();
    rules.forEach(rule -> policies.add(rule.policy()));
    return new PolicySet(policies);
  }

  String sha256() {
    return sha256;
  }

  Map<String, String> texts() {
    Map<String, String> texts = new TreeMap<>();
    rules.forEach(rule -> texts.put(rule.policy().getID(), rule.policy().getSource()));
    return texts;
  }

  private Rule rule(String id) {
    Rule rule = byId.get(id);
    if (rule == null) {
      throw new IllegalStateException("Cedar names a policy that it was not given: " + id);
    }
    return rule;
  }

  /**
   * What the policies say.
   *
   * @throws IllegalStateException when one of them errs, where Cedar would go on without it
   */
  Outcome decide(Question question) {
    if (!translated) {
      return inCedar(question, all());
    }
    BitSet about = about(question);
    return isTranslated(about) ? inJava(question, about) : inCedar(question, about);
  }

  /**
   * Whether the question may be permitted with some arguments, or with them and somebody's yes;
   * false only where it is denied with any.
   */
  boolean mayPermit(Question question) {
    Facts open = Facts.of(question).withAnyArguments();
    BitSet about = about(question);
    boolean may = false;
    for (int i = about.nextSetBit(0); i >= 0; i = about.nextSetBit(i + 1)) {
      Rule rule = rules.get(i);
      Optional<Boolean> speaks =
          rule.ask().isPresent() ? Optional.empty() : speaks(i, question, open);
      if (rule.forbids() && speaks.orElse(false)) {
        return false;
      }
      may |= !rule.forbids() && speaks.orElse(true);
    }
    return may;
  }

  /**
   * Whether the policy is satisfied whatever the arguments are, or never; empty when they decide.
   */
  private Optional<Boolean> speaks(int i, Question question, Facts open) {
    Rule rule = rules.get(i);
    if (!translated || rule.satisfied().isEmpty()) {
      BitSet only = new BitSet();
      only.set(i);
      return rule.looksAtArguments()
          ? Optional.empty()
          : Optional.of(!inCedar(question, only).because().isEmpty());
    }
    try {
      return Optional.of(rule.satisfied().get().flag(open));
    } catch (Expression.NotKnown | Expression.CannotEvaluate e) {
      return Optional.empty();
    }
  }

  /**
   * Leaves everything to Cedar from now on unless both decide these alike.
   *
   * @return what was decided otherwise
   */
  List<Question> prove(List<Question> questions) {
    var _ = choice(all()); // once, before all want it
    // On all cores: most of a reload's time is Cedar's, with every policy for each question.
    List<Question> unlike = questions.parallelStream().filter(each -> !agree(each)).toList();
    translated = unlike.isEmpty();
    return unlike;
  }

  /**
   * Whether what decides here says the same as Cedar with every policy, an error included. One that
   * was left out because it cannot speak here may err: then Cedar is asked without those.
   */
  boolean agree(Question question) {
    BitSet about = about(question);
    Optional<Outcome> mine =
        said(() -> isTranslated(about) ? inJava(question, about) : inCedar(question, about));
    Optional<Outcome> whole = said(() -> inCedar(question, all()));
    return mine.equals(whole)
        || (whole.isEmpty() && mine.equals(said(() -> inCedar(question, about))));
  }

  /** Whether Cedar need not be asked for any question. */
  boolean isTranslated() {
    return translated && allTranslated;
  }

  List<Rule> rules() {
    return rules;
  }

  private boolean isTranslated(BitSet about) {
    return about.stream().allMatch(i -> rules.get(i).satisfied().isPresent());
  }

  private static Optional<Outcome> said(Supplier<Outcome> evaluation) {
    try {
      return Optional.of(evaluation.get());
    } catch (IllegalStateException e) {
      return Optional.empty();
    }
  }

  private BitSet all() {
    BitSet all = new BitSet(rules.size());
    all.set(0, rules.size());
    return all;
  }

  private BitSet about(Question question) {
    BitSet chosen = new BitSet(rules.size());
    for (int i = 0; i < rules.size(); i++) {
      chosen.set(i, rules.get(i).isAbout(question));
    }
    return chosen;
  }

  private Outcome inJava(Question question, BitSet about) {
    Facts facts = Facts.of(question);
    List<Rule> permits = new ArrayList<>();
    List<Rule> forbids = new ArrayList<>();
    for (int i = about.nextSetBit(0); i >= 0; i = about.nextSetBit(i + 1)) {
      Rule rule = rules.get(i);
      try {
        if (rule.satisfied().orElseThrow().flag(facts)) {
          (rule.forbids() ? forbids : permits).add(rule);
        }
      } catch (Expression.CannotEvaluate e) {
        throw cannot(rule.policy().getID(), String.valueOf(e.getMessage()));
      }
    }
    boolean permitted = forbids.isEmpty() && !permits.isEmpty();
    return Outcome.of(permitted, forbids.isEmpty() ? permits : forbids);
  }

  private Outcome inCedar(Question question, BitSet about) {
    Slice slice = Slice.of(Facts.of(question));
    try {
      AuthorizationResponse response =
          cedar.isAuthorized(slice.request(), choice(about), slice.entities());
      AuthorizationSuccessResponse answer =
          response.success.orElseThrow(() -> new IllegalStateException(response.toString()));
      if (!answer.getErrors().isEmpty()) {
        var first = answer.getErrors().getFirst();
        throw cannot(first.getPolicyId(), first.getError().message);
      }
      return Outcome.of(answer.isAllowed(), answer.getReason().stream().map(this::rule).toList());
    } catch (AuthException e) {
      throw new IllegalStateException("Cedar failed: " + e.getMessage(), e);
    }
  }

  private static IllegalStateException cannot(String policy, String problem) {
    return new IllegalStateException(policy + " cannot be evaluated: " + problem);
  }

  private PolicySet choice(BitSet about) {
    synchronized (choices) {
      PolicySet known = choices.get(about);
      if (known != null) {
        return known;
      }
    }
    PolicySet fresh = set(about.stream().mapToObj(rules::get).toList());
    try {
      fresh.cache();
    } catch (CacheException e) {
      throw new IllegalStateException("Cedar does not keep policies that it took before", e);
    }
    synchronized (choices) {
      choices.put(about, fresh);
      if (choices.size() > MOST_CHOICES) {
        choices.remove(choices.keySet().iterator().next());
      }
    }
    return fresh;
  }
}
