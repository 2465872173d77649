package io.exeat.policy.cedar;

import io.exeat.policy.History;
import io.exeat.policy.Question;
import io.exeat.policy.QuestionJson;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * A question in the terms of {@code exeat.cedarschema}. Values are Boolean, Long, String, {@link
 * Uid}, Set and Map of values. The entities are those that the question names and no other.
 *
 * @param attributes of each entity that has some
 * @param tags of each entity that has some
 * @param open whether what the act is given is not known yet; who looks at it is told so
 */
record Facts(
    Uid principal,
    Uid action,
    Uid resource,
    Map<String, Object> context,
    Map<Uid, Map<String, Object>> attributes,
    Map<Uid, Map<String, ?>> tags,
    boolean open) {
  /** Stands for a value that is not known yet. */
  static final Object NOT_KNOWN = Stand.IN;

  private enum Stand {
    IN
  }

  private static final Uid PARAMETERS = new Uid(Names.TEXTS, "parameters");
  private static final Uid ARGUMENTS = new Uid(Names.TEXTS, "arguments");
  private static final Uid NUMBERS = new Uid(Names.NUMBERS, "arguments");

  private static final List<String> CONTEXT =
      List.of(
          "tool",
          "arguments",
          "numbers",
          "arguments_sha256",
          "omitted",
          "task",
          "source",
          "destination",
          "step",
          "history",
          "risk",
          "approvals");
  private static final List<String> TASK =
      List.of("id", "intent", "parameters", "scope", "epoch", "depth", "age_ms", "lifetime_ms");
  private static final List<String> HISTORY =
      List.of(
          "calls",
          "retries",
          "branches",
          "denials",
          "chain",
          "arguments",
          "results",
          "steps",
          "data_classes",
          "outside");

  static Facts of(Question question) {
    Uid agent = new Uid(Names.AGENT, question.agent().id());
    boolean isIntent = question.resource().kind().equals(Question.Resource.INTENT);
    Uid resource = new Uid(isIntent ? Names.INTENT : Names.GRANT, question.resource().name());
    return new Facts(
        agent,
        new Uid(Names.ACTION, question.action().word()),
        resource,
        context(question),
        Map.of(agent, agent(question.agent()), resource, resource(question.resource())),
        Map.of(
            PARAMETERS, question.task().parameters(),
            ARGUMENTS, question.arguments().texts(),
            NUMBERS, question.arguments().numbers()),
        false);
  }

  /** The same, but for what the act is given. */
  Facts withAnyArguments() {
    Map<String, Object> any = new HashMap<>(context);
    any.put("arguments_sha256", NOT_KNOWN);
    any.put("omitted", NOT_KNOWN);
    return new Facts(principal, action, resource, any, attributes, tags, true);
  }

  /** The entity's attribute; null when it, or the entity, is not there. */
  @Nullable Object attribute(Uid entity, String name) {
    Map<String, Object> all = attributes.get(entity);
    return all == null ? null : all.get(name);
  }

  /**
   * The entity's tag; null when it, or the entity, is not there.
   *
   * @throws Expression.NotKnown for one of the arguments, where they are open
   */
  @Nullable Object tag(Uid entity, String name) {
    if (open && (entity.equals(ARGUMENTS) || entity.equals(NUMBERS))) {
      throw new Expression.NotKnown();
    }
    Map<String, ?> all = tags.get(entity);
    return all == null ? null : all.get(name);
  }

  private static Map<String, Object> agent(Question.Caller agent) {
    return new LazyRecord(
        List.of("name", "owner", "tier", "attestation"),
        name ->
            switch (name) {
              case "name" -> agent.name();
              case "owner" -> agent.owner();
              case "tier" -> QuestionJson.word(agent.tier());
              case "attestation" -> attestation(agent.attestation());
              default -> null;
            });
  }

  private static Map<String, Object> attestation(Question.Attestation attestation) {
    Map<String, Object> facts = new HashMap<>();
    facts.put("kind", attestation.kind());
    facts.put("trust_domain", attestation.trustDomain());
    attestation.uid().ifPresent(uid -> facts.put("uid", (long) uid));
    attestation.gid().ifPresent(gid -> facts.put("gid", (long) gid));
    return facts;
  }

  private static Map<String, Object> resource(Question.Resource resource) {
    return new LazyRecord(
        List.of("name", "system", "data_class", "environment", "actions"),
        name ->
            switch (name) {
              case "name" -> resource.name();
              case "system" -> resource.system();
              case "data_class" -> resource.dataClass();
              case "environment" -> resource.environment();
              case "actions" -> resource.actions();
              default -> null;
            });
  }

  private static Map<String, Object> context(Question question) {
    return new LazyRecord(
        CONTEXT,
        name ->
            switch (name) {
              case "tool" -> question.tool().orElse("");
              case "arguments" -> ARGUMENTS;
              case "numbers" -> NUMBERS;
              case "arguments_sha256" -> question.arguments().sha256();
              case "omitted" -> Set.copyOf(question.arguments().omitted());
              case "task" -> task(question.task());
              case "source" -> {
                Question.Source source = question.source();
                yield Map.of("door", source.door().word(), "outside", source.outside());
              }
              case "destination" -> {
                Question.Destination to = question.destination();
                yield Map.of("host", to.host(), "outside", to.outside());
              }
              case "step" -> QuestionJson.word(question.step());
              case "history" -> history(question.history());
              case "risk" -> (long) question.risk();
              case "approvals" -> question.approvals();
              default -> null;
            });
  }

  private static Map<String, Object> task(Question.Leave task) {
    return new LazyRecord(
        TASK,
        name ->
            switch (name) {
              case "id" -> task.id();
              case "intent" -> task.intent();
              case "parameters" -> PARAMETERS;
              case "scope" -> task.scope();
              case "epoch" -> task.epoch();
              case "depth" -> (long) task.depth();
              case "age_ms" -> task.age().toMillis();
              case "lifetime_ms" -> task.lifetime().toMillis();
              default -> null;
            });
  }

  private static Map<String, Object> history(History history) {
    return new LazyRecord(
        HISTORY,
        name ->
            switch (name) {
              case "calls" -> (long) history.calls();
              case "retries" -> (long) history.retries();
              case "branches" -> (long) history.branches();
              case "denials" -> (long) history.denials();
              case "chain" -> String.join(" > ", history.chain());
              case "arguments" -> hashes(history.arguments());
              case "results" -> hashes(history.results());
              case "steps" ->
                  history.steps().stream().map(QuestionJson::word).collect(Collectors.toSet());
              case "data_classes" -> history.dataClasses();
              case "outside" -> history.outside();
              default -> null;
            });
  }

  /** Those that are known. */
  private static Set<String> hashes(List<String> some) {
    Set<String> known = new HashSet<>(some);
    known.remove("");
    return known;
  }
}
