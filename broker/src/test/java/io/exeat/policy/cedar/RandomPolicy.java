package io.exeat.policy.cedar;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.exeat.policy.CaseSuite;
import io.exeat.policy.Question;
import io.exeat.policy.QuestionJson;
import java.util.List;
import java.util.Random;
import java.util.function.Supplier;

/** Policies over the whole schema and every operator, and questions that often meet them. */
final class RandomPolicy {
  private static final List<String> TEXTS =
      List.of(
          "",
          "a",
          "b",
          "ab",
          "standard",
          "planner",
          "read",
          "write",
          "execute",
          "*",
          "é😀",
          "a\\n");
  private static final List<String> NAMES = List.of("a", "b", "limit", "to.city", "é");
  private static final List<Long> NUMBERS =
      List.of(0L, 1L, 2L, 7L, 20L, 90L, -1L, Long.MAX_VALUE, Long.MIN_VALUE);
  private static final List<String> ACTIONS =
      List.of("open", "rescope", "hold", "issue", "call", "read", "query", "delegate");

  private final Random random;

  RandomPolicy(long seed) {
    this.random = new Random(seed);
  }

  String policy() {
    String scope =
        "(%s, %s, %s)"
            .formatted(
                pick("principal", "principal == Exeat::Agent::\"a\"", "principal is Exeat::Agent"),
                pick(
                    "action",
                    "action == " + action(),
                    "action in [" + action() + ", " + action() + "]",
                    "action in " + action()),
                pick(
                    "resource",
                    "resource == Exeat::Grant::\"a\"",
                    "resource is Exeat::Grant",
                    "resource is Exeat::Intent"));
    StringBuilder policy =
        new StringBuilder("@id(\"p\") ").append(pick("permit ", "forbid ")).append(scope);
    for (int i = random.nextInt(3); i >= 0; i--) {
      policy.append(pick("\nwhen { ", "\nunless { ")).append(flag(3)).append(" }");
    }
    return policy.append(";").toString();
  }

  Question question() {
    ObjectNode question = CaseSuite.example();
    boolean intent = random.nextInt(4) == 0;
    question.put("action", intent ? pick("open", "rescope") : ACTIONS.get(2 + random.nextInt(6)));
    ObjectNode agent = question.withObject("agent");
    agent.put("id", pick("a", "b"));
    agent.put("name", text());
    agent.put("owner", text());
    agent.put("tier", pick("standard", "planner", "read-only"));
    ObjectNode attestation = agent.putObject("attestation");
    attestation.put("kind", pick("process", "mtls"));
    attestation.put("trust_domain", text());
    if (random.nextBoolean()) {
      attestation.put("uid", random.nextInt(3));
      attestation.put("gid", random.nextInt(3));
    }
    ObjectNode resource = question.withObject("resource");
    resource.put("kind", intent ? "intent" : "grant");
    resource.put("name", pick("a", "b"));
    resource.put("data_class", text());
    resource.put("environment", text());
    fill(resource.putArray("actions"), this::text);
    question.put("tool", text());
    question.put("step", pick("plan", "retrieve", "execute", "administer"));
    question.put("risk", random.nextInt(101));
    fill(question.putArray("approvals"), this::text);
    ObjectNode task = question.withObject("task");
    task.put("intent", text());
    task.put("epoch", number());
    task.put("depth", random.nextInt(3));
    fill(task.putArray("scope"), this::text);
    tags(task.putObject("parameters"), true);
    ObjectNode arguments = question.withObject("arguments");
    tags(arguments.putObject("texts"), true);
    tags(arguments.putObject("numbers"), false);
    ObjectNode history = question.withObject("history");
    history.put("calls", random.nextInt(3));
    fill(history.putArray("chain"), this::text);
    fill(history.putArray("arguments"), this::text);
    fill(history.putArray("results"), this::text);
    fill(history.putArray("data_classes"), this::text);
    fill(history.putArray("outside"), this::text);
    question.withObject("destination").put("outside", random.nextBoolean()).put("host", text());
    return QuestionJson.read(question);
  }

  private void tags(ObjectNode tags, boolean texts) {
    for (String name : NAMES) {
      if (random.nextBoolean()) {
        if (texts) {
          tags.put(name, text());
        } else {
          tags.put(name, number());
        }
      }
    }
  }

  private void fill(ArrayNode list, Supplier<String> value) {
    java.util.TreeSet<String> distinct = new java.util.TreeSet<>();
    for (int i = random.nextInt(3); i > 0; i--) {
      distinct.add(value.get());
    }
    distinct.forEach(list::add);
  }

  private String flag(int depth) {
    if (depth == 0) {
      return pick("true", "false", "context.destination.outside", "context.source.outside");
    }
    int less = depth - 1;
    return switch (random.nextInt(19)) {
      case 0 -> "(" + flag(less) + " && " + flag(less) + ")";
      case 1 -> "(" + flag(less) + " || " + flag(less) + ")";
      case 2 -> "!(" + flag(less) + ")";
      case 3 -> "(" + text(less) + pick(" == ", " != ") + text(less) + ")";
      case 4 ->
          "(" + number(less) + pick(" < ", " <= ", " > ", " >= ", " == ") + number(less) + ")";
      case 5 -> set(less) + ".contains(" + text(less) + ")";
      case 6 -> set(less) + pick(".containsAll(", ".containsAny(") + set(less) + ")";
      case 7 -> set(less) + ".isEmpty()";
      case 8 -> "(" + set(less) + pick(" == ", " != ") + set(less) + ")";
      case 9 -> "(" + text(less) + " like \"" + pattern() + "\")";
      case 10 -> "(if " + flag(less) + " then " + flag(less) + " else " + flag(less) + ")";
      case 11 -> {
        String tag = name();
        yield "(context.arguments.hasTag(\"%s\") && context.arguments.getTag(\"%s\") == %s)"
            .formatted(tag, tag, text(less));
      }
      case 12 -> {
        String tag = name();
        yield "(context.numbers.hasTag(\"%s\") && context.numbers.getTag(\"%s\") < %s)"
            .formatted(tag, tag, number(less));
      }
      case 13 ->
          pick(
                  "(principal.attestation has uid && principal.attestation.uid == %s)",
                  "(principal.attestation has gid && principal.attestation.gid == %s)")
              .formatted(number(less));
      case 14 -> pick("principal in Exeat::Agent::\"a\"", "principal == Exeat::Agent::\"a\"");
      case 15 ->
          pick("resource is Exeat::Grant", "resource is Exeat::Intent", "resource has actions");
      case 16 -> "context.task.parameters.hasTag(\"" + name() + "\")";
      case 17 ->
          pick(
              "context.tool == \"" + text() + "\"",
              "action in [" + action() + ", " + action() + "]",
              "action == " + action(),
              "principal in [Exeat::Agent::\"a\", Exeat::Agent::\"c\"]");
      default ->
          "({a: %s, b: %s} == {b: %s, a: %s})"
              .formatted(text(less), number(less), number(less), text(less));
    };
  }

  private String number(int depth) {
    if (depth > 0 && random.nextInt(3) == 0) {
      int less = depth - 1;
      return switch (random.nextInt(3)) {
        case 0 -> "(" + number(less) + pick(" + ", " - ") + number(less) + ")";
        case 1 -> "(" + number(less) + " * " + number(less) + ")";
        default -> "-(" + number(less) + ")";
      };
    }
    return pick(
        "context.risk",
        "context.history.calls",
        "context.task.epoch",
        "context.task.depth",
        Long.toString(Math.max(number(), -Long.MAX_VALUE)));
  }

  private String text(int depth) {
    return depth > 0 && random.nextInt(5) == 0
        ? "(if " + flag(depth - 1) + " then " + text(depth - 1) + " else " + text(depth - 1) + ")"
        : pick(
            "context.tool",
            "context.step",
            "context.arguments_sha256",
            "context.task.intent",
            "principal.tier",
            "principal.attestation.kind",
            "principal.attestation.trust_domain",
            "resource.data_class",
            "context.history.chain",
            "context[\"destination\"].host",
            "\"" + text() + "\"");
  }

  private String set(int depth) {
    return pick(
        "context.task.scope",
        "context.history.outside",
        "context.history.results",
        "context.history.arguments",
        "context.history.steps",
        "context.approvals",
        "resource.actions",
        "[" + text(Math.max(0, depth - 1)) + "]",
        "[\"" + text() + "\", \"" + text() + "\"]");
  }

  private String pattern() {
    return pick("", "*", "a*", "*b", "*a*", "a*b", "re*d", "\\\\*", "*é*", "stand*d", "a*a", "**");
  }

  private String action() {
    return "Exeat::Action::\"" + ACTIONS.get(random.nextInt(ACTIONS.size())) + "\"";
  }

  private String name() {
    return NAMES.get(random.nextInt(NAMES.size()));
  }

  private String text() {
    return TEXTS.get(random.nextInt(TEXTS.size()));
  }

  private long number() {
    return NUMBERS.get(random.nextInt(NUMBERS.size()));
  }

  private String pick(String... among) {
    return among[random.nextInt(among.length)];
  }
}
