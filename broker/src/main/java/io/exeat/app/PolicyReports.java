package io.exeat.app;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.exeat.policy.CaseSuite;
import io.exeat.policy.Decision;
import io.exeat.policy.QuestionJson;
import io.exeat.policy.Reason;
import java.io.PrintWriter;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** What {@code exeat policy} found: lines for people, or one line of JSON (docs/cli.md). */
final class PolicyReports {
  private static final JsonNodeFactory JSON = JsonNodeFactory.instance;

  private final PrintWriter out;
  private final boolean json;

  PolicyReports(PrintWriter out, boolean json) {
    this.out = out;
    this.json = json;
  }

  void sound(int policies, String source, String sha256) {
    if (json) {
      ObjectNode node = JSON.objectNode();
      node.put("sound", true).put("policies", policies).put("source", source);
      out.println(node.put("sha256", sha256));
    } else {
      out.println("sound: %d policies from %s".formatted(policies, source));
      out.println("hash:  " + sha256);
    }
  }

  void bad(List<String> problems) {
    if (json) {
      ObjectNode node = JSON.objectNode();
      texts(node.put("sound", false), "problems", problems);
      out.println(node);
    } else {
      problems.forEach(out::println);
    }
  }

  void cases(String sha256, int cases, List<CaseSuite.Otherwise> otherwise) {
    if (json) {
      ObjectNode node = JSON.objectNode().put("sha256", sha256).put("cases", cases);
      ArrayNode list = node.putArray("otherwise");
      for (CaseSuite.Otherwise each : otherwise) {
        ObjectNode one = list.addObject().put("case", each.expected().name());
        ObjectNode expected = one.putObject("expected").put("decided", each.expected().expect());
        each.expected().because().ifPresent(it -> texts(expected, "policies", it));
        one.set("now", decision(each.was()));
      }
      out.println(node);
    } else {
      otherwise.forEach(out::println);
      out.println("%d cases, %d decided otherwise".formatted(cases, otherwise.size()));
    }
  }

  /**
   * @param texts of the policies by identifier
   */
  void explained(
      String sha256,
      JsonNode question,
      Optional<Replay.Recorded> recorded,
      Decision decision,
      Map<String, String> texts) {
    if (json) {
      ObjectNode node = JSON.objectNode().put("sha256", sha256);
      recorded.ifPresent(it -> node.put("decision", it.id()).set("was", was(it)));
      node.set("now", decision(decision));
      ArrayNode policies = node.putArray("policies");
      for (Reason reason : decision.because()) {
        ObjectNode one = policies.addObject().put("policy", reason.policy());
        ObjectNode values = one.putObject("attributes");
        reason.attributes().forEach(it -> values.set(it, QuestionJson.value(question, it)));
        one.put("text", texts.getOrDefault(reason.policy(), ""));
      }
      out.println(node);
      return;
    }
    recorded.ifPresent(it -> out.println("recorded: " + it.show() + " by " + it.because()));
    out.println("decision: " + CaseSuite.show(decision));
    for (Reason reason : decision.because()) {
      out.println("  " + reason.policy() + ":");
      for (String attribute : reason.attributes()) {
        out.println("    " + attribute + " = " + QuestionJson.value(question, attribute));
      }
      texts.getOrDefault(reason.policy(), "").lines().forEach(line -> out.println("      " + line));
    }
  }

  void replayed(String sha256, Replay replay) {
    if (json) {
      ObjectNode node =
          JSON.objectNode().put("sha256", sha256).put("decisions", replay.decisions());
      ArrayNode changes = node.putArray("otherwise");
      for (Replay.Change each : replay.changes()) {
        ObjectNode one = changes.addObject().put("decision", each.recorded().id());
        one.put("agent", each.recorded().question().at("/agent/name").asText());
        one.put("action", each.recorded().question().path("action").asText());
        one.put("resource", each.recorded().question().at("/resource/name").asText());
        one.set("was", was(each.recorded()));
        one.set("now", decision(each.now()));
      }
      ArrayNode undecided = node.putArray("undecided");
      replay
          .undecided()
          .forEach(it -> undecided.addObject().put("decision", it.id()).put("why", it.why()));
      out.println(node);
      return;
    }
    replay.undecided().forEach(it -> out.println(it.id() + ": " + it.why()));
    for (Replay.Change each : replay.changes()) {
      Replay.Recorded was = each.recorded();
      out.println(
          "%s %s %s on %s: was %s by %s, would be %s"
              .formatted(
                  was.id(),
                  was.question().at("/agent/name").asText(),
                  was.question().path("action").asText(),
                  was.question().at("/resource/name").asText(),
                  was.show(),
                  was.because(),
                  CaseSuite.show(each.now())));
    }
    out.println(
        "%d decisions, %d would be decided otherwise%s"
            .formatted(
                replay.decisions(),
                replay.changes().size(),
                replay.undecided().isEmpty()
                    ? ""
                    : ", %d could not be decided again".formatted(replay.undecided().size())));
  }

  void compared(PolicyComparison found) {
    if (json) {
      ObjectNode node = JSON.objectNode().put("from", found.from()).put("to", found.to());
      texts(node, "removed", found.removed());
      texts(node, "added", found.added());
      texts(node, "changed", found.changed());
      node.put("questions", found.questions());
      ArrayNode list = node.putArray("otherwise");
      for (PolicyComparison.Change each : found.otherwise()) {
        ObjectNode one = list.addObject().put("case", each.name());
        one.set("was", decision(each.was()));
        one.set("now", decision(each.now()));
      }
      out.println(node);
      return;
    }
    found.lines().forEach(out::println);
    for (PolicyComparison.Change each : found.otherwise()) {
      out.println(
          "%s: %s -> %s"
              .formatted(each.name(), CaseSuite.show(each.was()), CaseSuite.show(each.now())));
    }
    out.println(
        "%d questions, %d would be decided otherwise"
            .formatted(found.questions(), found.otherwise().size()));
  }

  private static ObjectNode was(Replay.Recorded recorded) {
    ObjectNode node = JSON.objectNode().put("decided", recorded.decided());
    texts(node, "because", recorded.because());
    if (!recorded.approvers().isEmpty()) {
      texts(node, "approvers", recorded.approvers());
    }
    return node;
  }

  private static ObjectNode decision(Decision decision) {
    ObjectNode node = JSON.objectNode().put("decided", decision.word());
    texts(node, "because", decision.because().stream().map(Reason::toString).toList());
    switch (decision) {
      case Decision.Permit _ -> {}
      case Decision.Ask it -> texts(node, "approvers", it.approvers());
      case Decision.Deny it -> node.put("reason", it.reason());
      case Decision.Failed it -> node.put("problem", it.problem());
    }
    return node;
  }

  private static void texts(ObjectNode node, String name, List<String> texts) {
    ArrayNode list = node.putArray(name);
    texts.forEach(list::add);
  }
}
