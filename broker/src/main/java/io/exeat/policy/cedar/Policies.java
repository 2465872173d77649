package io.exeat.policy.cedar;

import com.cedarpolicy.BasicAuthorizationEngine;
import com.cedarpolicy.model.DetailedError;
import com.cedarpolicy.model.ValidationRequest;
import com.cedarpolicy.model.ValidationResponse;
import com.cedarpolicy.model.exception.AuthException;
import com.cedarpolicy.model.exception.CacheException;
import com.cedarpolicy.model.policy.Policy;
import com.cedarpolicy.model.policy.PolicySet;
import com.cedarpolicy.model.schema.Schema;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
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

/**
 * A set of policies that has passed the type check. For each question only those that can speak to
 * it are given to Cedar, which costs by the policy; each such choice is parsed by Cedar once.
 */
final class Policies {
  private static final ObjectMapper JSON = new ObjectMapper();

  /**
   * Choices that are kept: some for each action, and a few for grants and tools that have rules.
   */
  private static final int MOST_CHOICES = 256;

  private final List<Rule> rules;
  private final Map<String, Rule> byId;
  private final String sha256;
  private final Map<BitSet, PolicySet> choices = new LinkedHashMap<>(64, 0.75f, true);

  private Policies(List<Rule> rules, String sha256) {
    this.rules = rules;
    this.sha256 = sha256;
    this.byId = new LinkedHashMap<>();
    rules.forEach(rule -> byId.put(rule.policy().getID(), rule));
  }

  /**
   * @throws BadPolicy with every problem: syntax, names, types, policies that could never speak
   */
  static Policies load(PolicyFiles files) throws BadPolicy {
    List<String> problems = new ArrayList<>();
    List<Rule> rules = new ArrayList<>();
    Set<String> ids = new HashSet<>();
    files.policies().forEach((name, text) -> rules.addAll(parse(name, text, ids, problems)));
    if (rules.isEmpty() && problems.isEmpty()) {
      problems.add(files.source() + ": there is no policy in any *.cedar");
    }
    if (problems.isEmpty()) {
      check(rules, problems);
    }
    if (!problems.isEmpty()) {
      throw new BadPolicy(problems);
    }
    return new Policies(List.copyOf(rules), files.sha256());
  }

  private static List<Rule> parse(
      String file, String text, Set<String> ids, List<String> problems) {
    List<Rule> rules = new ArrayList<>();
    try {
      PolicySet parsed = PolicySet.parsePolicies(text);
      if (!parsed.templates.isEmpty()) {
        problems.add(file + ": templates are not taken; write policies");
      }
      for (Policy each : parsed.policies) {
        Map<String, String> annotations = each.getAnnotations();
        String id = annotations.getOrDefault("id", "");
        if (!id.matches("[a-z0-9-]{1,63}")) {
          problems.add(
              file + ": each policy needs an @id(\"…\") of 1 to 63 characters of a-z, 0-9, -");
        } else if (!ids.add(id)) {
          problems.add(file + ": there are two policies called " + id);
        } else {
          Policy named = new Policy(each.getSource(), id);
          rules.add(Rule.of(named, JSON.readTree(each.toJson()), annotations));
        }
      }
    } catch (AuthException e) {
      problems.add(file + ": " + plain(e));
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("Cedar's own JSON cannot be read", e);
    }
    return rules;
  }

  private static void check(List<Rule> rules, List<String> problems) {
    try {
      ValidationResponse response =
          new BasicAuthorizationEngine().validate(new ValidationRequest(schema(), set(rules)));
      if (!response.validationPassed() || response.success.isEmpty()) {
        response.success.ifPresent(it ->
            it.validationErrors.forEach(
                error -> problems.add(error.getPolicyId() + ": " + words(error.getError()))));
        response.errors.ifPresent(it -> it.forEach(error -> problems.add(words(error))));
      }
      response.success.ifPresent(it ->
          it.validationWarnings.forEach(
              warning -> problems.add(warning.getPolicyId() + ": " + words(warning.getError()))));
    } catch (AuthException e) {
      problems.add(plain(e));
    }
  }

  private static Schema schema() {
    return new Schema(
        Schema.JsonOrCedar.Cedar,
        Optional.empty(),
        Optional.of(PolicyFiles.resource("exeat.cedarschema")));
  }

  private static PolicySet set(List<Rule> rules) {
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

  Rule rule(String id) {
    Rule rule = byId.get(id);
    if (rule == null) {
      throw new IllegalStateException("Cedar names a policy that it was not given: " + id);
    }
    return rule;
  }

  /**
   * The policies that can speak to the question.
   *
   * @throws IllegalStateException when Cedar does not take them
   */
  PolicySet about(Question question) {
    BitSet chosen = new BitSet(rules.size());
    for (int i = 0; i < rules.size(); i++) {
      chosen.set(i, rules.get(i).isAbout(question));
    }
    synchronized (choices) {
      PolicySet known = choices.get(chosen);
      if (known != null) {
        return known;
      }
    }
    PolicySet fresh = set(chosen.stream().mapToObj(rules::get).toList());
    try {
      fresh.cache();
    } catch (CacheException e) {
      throw new IllegalStateException("Cedar does not keep policies that it took before", e);
    }
    synchronized (choices) {
      choices.put(chosen, fresh);
      if (choices.size() > MOST_CHOICES) {
        choices.remove(choices.keySet().iterator().next());
      }
    }
    return fresh;
  }

  private static String words(DetailedError error) {
    return error.message + error.help.map(help -> " (" + help + ")").orElse("");
  }

  private static String plain(AuthException e) {
    return String.valueOf(e.getMessage())
        .replace("Auth Exception: ", "")
        .replace("Internal error: ", "")
        .replace("Internal JNI Error: ", "");
  }
}
