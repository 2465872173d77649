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
    Map<String, Object> attestation = new HashMap<>();
    attestation.put("kind", agent.attestation().kind());
    attestation.put("trust_domain", agent.attestation().trustDomain());
    agent.attestation().uid().ifPresent(uid -> attestation.put("uid", (long) uid));
    agent.attestation().gid().ifPresent(gid -> attestation.put("gid", (long) gid));
    return Map.of(
        "name", agent.name(),
        "owner", agent.owner(),
        "tier", QuestionJson.word(agent.tier()),
        "attestation", attestation);
  }

  private static Map<String, Object> resource(Question.Resource resource) {
    return Map.of(
        "name", resource.name(),
        "system", resource.system(),
        "data_class", resource.dataClass(),
        "environment", resource.environment(),
        "actions", resource.actions());
  }

  private static Map<String, Object> context(Question question) {
    Map<String, Object> context = new HashMap<>(32);
    context.put("tool", question.tool().orElse(""));
    context.put("arguments", ARGUMENTS);
    context.put("numbers", NUMBERS);
    context.put("arguments_sha256", question.arguments().sha256());
    context.put("omitted", Set.copyOf(question.arguments().omitted()));
    context.put("task", task(question.task()));
    context.put(
        "source",
        Map.of("door", question.source().door().word(), "outside", question.source().outside()));
    context.put(
        "destination",
        Map.of("host", question.destination().host(), "outside", question.destination().outside()));
    context.put("step", QuestionJson.word(question.step()));
    context.put("history", history(question.history()));
    context.put("risk", (long) question.risk());
    context.put("approvals", question.approvals());
    return context;
  }

  private static Map<String, Object> task(Question.Leave task) {
    return Map.of(
        "id", task.id(),
        "intent", task.intent(),
        "parameters", PARAMETERS,
        "scope", task.scope(),
        "epoch", task.epoch(),
        "depth", (long) task.depth(),
        "age_ms", task.age().toMillis(),
        "lifetime_ms", task.lifetime().toMillis());
  }

  private static Map<String, Object> history(History history) {
    Map<String, Object> facts = new HashMap<>(16);
    facts.put("calls", (long) history.calls());
    facts.put("retries", (long) history.retries());
    facts.put("branches", (long) history.branches());
    facts.put("denials", (long) history.denials());
    facts.put("chain", String.join(" > ", history.chain()));
    facts.put("arguments", hashes(history.arguments()));
    facts.put("results", hashes(history.results()));
    facts.put(
        "steps", history.steps().stream().map(QuestionJson::word).collect(Collectors.toSet()));
    facts.put("data_classes", history.dataClasses());
    facts.put("outside", history.outside());
    return facts;
  }

  /** Those that are known. */
  private static Set<String> hashes(List<String> some) {
    Set<String> known = new HashSet<>(some);
    known.remove("");
    return known;
  }
}
