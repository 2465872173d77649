package io.exeat.policy.cedar;

import com.cedarpolicy.BasicAuthorizationEngine;
import com.cedarpolicy.model.DetailedError;
import com.cedarpolicy.model.ValidationRequest;
import com.cedarpolicy.model.ValidationResponse;
import com.cedarpolicy.model.exception.AuthException;
import com.cedarpolicy.model.policy.Policy;
import com.cedarpolicy.model.policy.PolicySet;
import com.cedarpolicy.model.schema.Schema;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.exeat.policy.BadPolicy;
import io.exeat.policy.PolicyFiles;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** Text as Cedar reads it: parsed, and checked against the schema. */
final class Parsed {
  private static final ObjectMapper JSON = new ObjectMapper();

  /** Whose yes there is: whom the catalogue names for the agent, and every operator. */
  private static final List<String> APPROVERS = List.of("owner", "operator");

  private Parsed() {}

  /**
   * @throws BadPolicy with every problem: syntax, names, types, policies that could never speak
   */
  static List<Rule> rules(PolicyFiles files) throws BadPolicy {
    List<String> problems = new ArrayList<>();
    List<Rule> rules = new ArrayList<>();
    Set<String> ids = new HashSet<>();
    files.policies().forEach((name, text) -> problems.addAll(Bounds.problems(name, text)));
    if (problems.isEmpty()) {
      files.policies().forEach((name, text) -> rules.addAll(parse(name, text, ids, problems)));
    }
    if (rules.isEmpty() && problems.isEmpty()) {
      problems.add(files.source() + ": there is no policy in any *.cedar");
    }
    if (problems.isEmpty()) {
      check(rules, problems);
    }
    if (!problems.isEmpty()) {
      throw new BadPolicy(problems);
    }
    return List.copyOf(rules);
  }

  private static List<Rule> parse(
      String file, String text, Set<String> ids, List<String> problems) {
    List<Rule> rules = new ArrayList<>();
    try {
      PolicySet parsed = PolicySet.parsePolicies(text);
      if (!parsed.templates.isEmpty()) {
        problems.add(file + ": templates are not taken; write policies");
      }
      // On all cores: it is Cedar that reads.
      for (Read each : parsed.policies.parallelStream().map(Read::of).toList()) {
        String id = each.annotations().getOrDefault("id", "");
        if (!id.matches("[a-z0-9-]{1,63}")) {
          problems.add(
              file + ": each policy needs an @id(\"…\") of 1 to 63 characters of a-z, 0-9, -");
        } else if (!ids.add(id)) {
          problems.add(file + ": there are two policies called " + id);
        } else {
          Policy named = new Policy(each.source(), id);
          Rule rule = Rule.of(named, JSON.readTree(each.json()), each.annotations());
          rules.add(rule);
          rule.ask().ifPresent(word -> problems.addAll(asks(rule, word)));
        }
      }
    } catch (AuthException e) {
      problems.add(file + ": " + plain(e));
    } catch (Unread e) {
      problems.add(file + ": " + plain(e.why));
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("Cedar's own JSON cannot be read", e);
    }
    return rules;
  }

  /** One policy as Cedar has it. */
  private record Read(String source, Map<String, String> annotations, String json) {
    static Read of(Policy policy) {
      try {
        return new Read(policy.getSource(), policy.getAnnotations(), policy.toJson());
      } catch (AuthException e) {
        throw new Unread(e);
      }
    }
  }

  private static final class Unread extends RuntimeException {
    private static final long serialVersionUID = 1L;
    private final transient AuthException why;

    Unread(AuthException why) {
      super(why);
      this.why = why;
    }
  }

  /** A word that nobody's yes is would be asked for, and waited for, in vain. */
  private static List<String> asks(Rule rule, String word) {
    String id = rule.policy().getID();
    if (!rule.forbids()) {
      return List.of(id + ": @ask is for a forbid, whose yes would lift it; this one permits");
    }
    return APPROVERS.contains(word)
        ? List.of()
        : List.of(
            id + ": nobody is \"" + word + "\"; @ask takes " + String.join(" or ", APPROVERS));
  }

  private static void check(List<Rule> rules, List<String> problems) {
    try {
      ValidationResponse response =
          new BasicAuthorizationEngine()
              .validate(new ValidationRequest(schema(), Policies.set(rules)));
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
