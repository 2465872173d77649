package io.exeat.policy.cedar;

import com.cedarpolicy.model.policy.Policy;
import com.fasterxml.jackson.databind.JsonNode;
import io.exeat.policy.Question;
import io.exeat.policy.Reason;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * One policy with what its text says about when it can speak at all, so that the engine is given no
 * other. What is not understood here counts as anything.
 *
 * @param satisfied true where it speaks; empty when only Cedar can tell
 * @param forbids rather than permits
 * @param ask whose yes would lift it
 * @param actions that it is about; empty for any
 * @param resource the one that it is about, as {@code grant:<name>}
 * @param tool the one that it is about, which may be the empty word for none
 */
record Rule(
    Policy policy,
    Optional<Expression> satisfied,
    boolean forbids,
    Reason reason,
    Optional<String> text,
    Optional<String> ask,
    Set<String> actions,
    Optional<String> resource,
    Optional<String> tool) {
  private static final Set<String> ARGUMENTS =
      Set.of("arguments", "numbers", "arguments_sha256", "omitted");

  static Rule of(Policy policy, JsonNode est, Map<String, String> annotations) {
    Set<String> attributes = new LinkedHashSet<>();
    Optional<String> tool = Optional.empty();
    for (JsonNode condition : est.path("conditions")) {
      collect(condition.path("body"), attributes);
      if (condition.path("kind").asText().equals("when")) {
        tool = tool.or(() -> toolOf(condition.path("body")));
      }
    }
    return new Rule(
        policy,
        Translation.of(est),
        est.path("effect").asText().equals("forbid"),
        new Reason(policy.getID(), List.copyOf(attributes)),
        Optional.ofNullable(annotations.get("reason")),
        Optional.ofNullable(annotations.get("ask")),
        actions(est.path("action")),
        resource(est.path("resource")),
        tool);
  }

  /** Whether it can speak to this question. */
  boolean isAbout(Question question) {
    return (actions.isEmpty() || actions.contains(question.action().word()))
        && (tool.isEmpty() || tool.get().equals(question.tool().orElse("")))
        && (resource.isEmpty() || resource.get().equals(key(question.resource())));
  }

  /** Whether what it says hangs on what the act is given. */
  boolean looksAtArguments() {
    return reason.attributes().stream()
        .map(it -> it.split("\\.", 2)[0])
        .anyMatch(ARGUMENTS::contains);
  }

  private static String key(Question.Resource resource) {
    return resource.kind() + ":" + resource.name();
  }

  private static Set<String> actions(JsonNode scope) {
    Set<String> actions = new HashSet<>();
    switch (scope.path("op").asText()) {
      case "==" -> actions.add(scope.path("entity").path("id").asText());
      case "in" -> {
        if (scope.has("entity")) {
          actions.add(scope.path("entity").path("id").asText());
        }
        scope.path("entities").forEach(each -> actions.add(each.path("id").asText()));
      }
      default -> {} // any
    }
    return Set.copyOf(actions);
  }

  private static Optional<String> resource(JsonNode scope) {
    if (!scope.path("op").asText().equals("==")) {
      return Optional.empty();
    }
    JsonNode entity = scope.path("entity");
    String kind =
        entity.path("type").asText().equals(Names.INTENT)
            ? Question.Resource.INTENT
            : Question.Resource.GRANT;
    return Optional.of(kind + ":" + entity.path("id").asText());
  }

  /** The tool that the condition demands, when it demands one in every case. */
  private static Optional<String> toolOf(JsonNode body) {
    JsonNode and = body.path("&&");
    if (and.isObject()) {
      return toolOf(and.path("left")).or(() -> toolOf(and.path("right")));
    }
    JsonNode equal = body.path("==");
    boolean isTool =
        path(equal.path("left")).equals(Optional.of("tool"))
            && equal.path("right").path("Value").isTextual();
    return isTool ? Optional.of(equal.path("right").path("Value").asText()) : Optional.empty();
  }

  private static void collect(JsonNode node, Set<String> attributes) {
    Optional<String> path = path(node);
    if (path.isPresent() && !path.get().isEmpty()) {
      attributes.add(path.get());
      return;
    }
    node.forEach(each -> collect(each, attributes));
  }

  /** {@code agent.tier} for {@code principal.tier}; empty for what is no attribute. */
  private static Optional<String> path(JsonNode node) {
    if (node.has("Var")) {
      return switch (node.path("Var").asText()) {
        case "principal" -> Optional.of("agent");
        case "context" -> Optional.of("");
        case "resource" -> Optional.of("resource");
        default -> Optional.empty();
      };
    }
    for (String access : List.of(".", "has")) {
      if (node.has(access)) {
        return below(node.path(access), node.path(access).path("attr").asText());
      }
    }
    for (String access : List.of("getTag", "hasTag")) {
      if (node.has(access)) {
        return below(node.path(access), node.path(access).path("right").path("Value").asText("*"));
      }
    }
    return Optional.empty();
  }

  private static Optional<String> below(JsonNode access, String name) {
    return path(access.path("left")).map(left -> left.isEmpty() ? name : left + "." + name);
  }
}
