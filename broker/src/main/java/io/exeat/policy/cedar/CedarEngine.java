package io.exeat.policy.cedar;

import io.exeat.base.Health;
import io.exeat.base.Time;
import io.exeat.policy.BadPolicy;
import io.exeat.policy.CaseSuite;
import io.exeat.policy.Decision;
import io.exeat.policy.PolicyEngine;
import io.exeat.policy.PolicyFiles;
import io.exeat.policy.Question;
import io.exeat.policy.Reason;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Cedar's own rules: a forbid beats every permit, no permit is no. To them it adds that a policy
 * that errs is no answer, where Cedar would go on without it; and {@code @ask("owner")} on a
 * forbid: what is forbidden by such policies alone, and would be permitted with these approvals, or
 * with those that policies ask for then, is asked for.
 */
public final class CedarEngine implements PolicyEngine {
  private static final Logger LOG = LoggerFactory.getLogger(CedarEngine.class);

  private final Duration within;
  private final Time time;
  private volatile @Nullable Policies policies;
  private volatile Health health;
  private volatile @Nullable Cases cases;

  /** Cases, and the files that they were read from. */
  private record Cases(Map<String, String> files, CaseSuite suite) {}

  /**
   * Denies everything until {@link #load} took policies.
   *
   * @param within the longest time for a decision; one that took longer is none
   */
  public CedarEngine(Duration within, Time time) {
    this.within = within;
    this.time = time;
    this.health = Health.unavailable("no policies are in force: everything is denied", time.now());
  }

  /**
   * Takes the policies if they parse, type-check and decide their own cases as these say; from the
   * next question on they are in force. Otherwise those before stay.
   *
   * @return their hash
   * @throws BadPolicy with every problem; {@link #health} tells it until good ones are taken
   */
  public String load(PolicyFiles files) throws BadPolicy {
    try {
      CedarEngine trial = new CedarEngine(Duration.ofSeconds(5), time);
      Policies loaded = Policies.load(files);
      trial.policies = loaded;
      CaseSuite suite = cases(files.cases());
      List<Question> unlike =
          loaded.prove(suite.cases().stream().map(CaseSuite.Case::question).toList());
      if (!unlike.isEmpty()) {
        LOG.warn(
            "{} of the cases of {} are decided otherwise in Java than by Cedar: Cedar decides"
                + " alone",
            unlike.size(),
            files.source());
      }
      List<String> failures = suite.failures(trial);
      if (!failures.isEmpty()) {
        throw new BadPolicy(failures);
      }
      policies = loaded;
      health = Health.available(time.now());
      return loaded.sha256();
    } catch (BadPolicy e) {
      refused(files.source() + ": " + e.getMessage());
      throw e;
    }
  }

  /** Most reloads change policies alone; to read the cases that ship takes a tenth of one. */
  private CaseSuite cases(Map<String, String> text) throws BadPolicy {
    Cases known = cases;
    if (known != null && known.files().equals(text)) {
      return known.suite();
    }
    CaseSuite read = CaseSuite.parse(text);
    cases = new Cases(Map.copyOf(text), read);
    return read;
  }

  /** Policies could not be taken: what is in force stays, and health says why. */
  public void refused(String why) {
    String stays =
        policies == null
            ? "no policies are in force: everything is denied"
            : "the policies as last taken are still in force";
    health =
        Health.unavailable(stays + "; " + why, health.available() ? time.now() : health.since());
  }

  @Override
  public boolean isHere() {
    Policies now = policies;
    return now != null && now.isTranslated(); // else Cedar's own code is asked, which takes longer
  }

  @Override
  public Health health() {
    return health;
  }

  /** The hash of those in force; empty when there are none. */
  public String sha256() {
    Policies now = policies;
    return now == null ? "" : now.sha256();
  }

  /** The text of those in force by identifier; none when there are none. */
  public Map<String, String> policies() {
    Policies now = policies;
    return now == null ? Map.of() : now.texts();
  }

  /**
   * The first policy of those in force that looks at the attribute, or at what it is part of.
   *
   * @param attribute as {@link Reason} names them
   */
  public Optional<String> lookingAt(String attribute) {
    Policies now = policies;
    return now == null
        ? Optional.empty()
        : now.rules().stream()
            .map(Rule::reason)
            .filter(it ->
                it.attributes().stream()
                    .anyMatch(at -> attribute.equals(at) || attribute.startsWith(at + ".")))
            .map(Reason::policy)
            .sorted()
            .findFirst();
  }

  @Override
  public Decision decide(Question question) {
    Policies now = policies;
    if (now == null) {
      return new Decision.Failed(
          "no policies are in force; the operator sees why in exeat status", "");
    }
    long late = time.after(within);
    Decision decision;
    try {
      decision = decide(now, question);
    } catch (IllegalStateException e) {
      return new Decision.Failed(String.valueOf(e.getMessage()), now.sha256());
    }
    return time.reached(late)
        ? new Decision.Failed("Cedar took longer than " + within.toMillis() + " ms", now.sha256())
        : decision;
  }

  @Override
  public Decision foresee(Question question) {
    Decision bare = decide(question);
    Policies now = policies;
    if (now == null || !(bare instanceof Decision.Deny)) {
      return bare;
    }
    try {
      return now.mayPermit(question) ? new Decision.Permit(List.of(), now.sha256()) : bare;
    } catch (IllegalStateException e) {
      return bare;
    }
  }

  private static Decision decide(Policies now, Question question) {
    Outcome outcome = now.decide(question);
    List<Reason> because = outcome.because().stream().map(Rule::reason).toList();
    if (outcome.permitted()) {
      return new Decision.Permit(because, now.sha256());
    }
    List<Rule> forbid = outcome.because();
    if (forbid.isEmpty()) {
      return new Decision.Deny("no policy permits it", because, now.sha256());
    }
    List<Rule> standing = forbid.stream().filter(rule -> rule.ask().isEmpty()).toList();
    if (standing.isEmpty() && canBeLifted(now, question, forbid)) {
      return new Decision.Ask(List.copyOf(approvers(forbid)), because, now.sha256());
    }
    Rule first = (standing.isEmpty() ? forbid : standing).getFirst();
    String reason =
        first.text().orElseGet(() -> "policy " + first.policy().getID() + " forbids it");
    return new Decision.Deny(reason, because, now.sha256());
  }

  /** Whether it is permitted with the yes of those who are asked for, and of whom that asks for. */
  private static boolean canBeLifted(Policies now, Question question, List<Rule> forbid) {
    Set<String> held = approvers(forbid);
    Outcome next = now.decide(question.with(held));
    while (!next.permitted()) {
      List<Rule> more = next.because();
      boolean asksForMore =
          !more.isEmpty()
              && more.stream().allMatch(rule -> rule.ask().isPresent())
              && held.addAll(approvers(more));
      if (!asksForMore) {
        return false;
      }
      next = now.decide(question.with(held));
    }
    return true;
  }

  private static Set<String> approvers(List<Rule> forbid) {
    Set<String> approvers = new TreeSet<>();
    forbid.forEach(rule -> rule.ask().ifPresent(approvers::add));
    return approvers;
  }
}
