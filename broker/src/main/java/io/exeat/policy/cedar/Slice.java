package io.exeat.policy.cedar;

import com.cedarpolicy.model.AuthorizationRequest;
import com.cedarpolicy.model.entity.Entity;
import com.cedarpolicy.value.CedarList;
import com.cedarpolicy.value.CedarMap;
import com.cedarpolicy.value.EntityUID;
import com.cedarpolicy.value.PrimBool;
import com.cedarpolicy.value.PrimLong;
import com.cedarpolicy.value.PrimString;
import com.cedarpolicy.value.Value;
import io.exeat.policy.History;
import io.exeat.policy.Question;
import io.exeat.policy.QuestionJson;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * A question in Cedar's terms, with the entities that it names and no other: each costs.
 *
 * @param request whose context is the question
 */
record Slice(AuthorizationRequest request, Set<Entity> entities) {
  private static final EntityUID PARAMETERS = Names.texts().of("parameters");
  private static final EntityUID ARGUMENTS = Names.texts().of("arguments");
  private static final EntityUID NUMBERS = Names.numbers().of("arguments");

  static Slice of(Question question) {
    Set<Entity> entities = new HashSet<>();
    Entity agent = agent(question.agent());
    Entity resource = resource(question.resource());
    entities.add(agent);
    entities.add(resource);
    tags(PARAMETERS, texts(new TreeMap<>(question.task().parameters())), entities);
    tags(ARGUMENTS, texts(question.arguments().texts()), entities);
    Map<String, Value> numbers = new HashMap<>();
    question.arguments().numbers().forEach((name, number) -> numbers.put(name, number(number)));
    tags(NUMBERS, numbers, entities);
    AuthorizationRequest request =
        new AuthorizationRequest(
            agent.getEUID(),
            Names.actions().of(question.action().word()),
            resource.getEUID(),
            context(question));
    return new Slice(request, entities);
  }

  private static Entity agent(Question.Caller agent) {
    Map<String, Value> attestation = new HashMap<>();
    attestation.put("kind", text(agent.attestation().kind()));
    agent.attestation().uid().ifPresent(uid -> attestation.put("uid", number(uid)));
    return new Entity(
        Names.agents().of(agent.id()),
        Map.of(
            "name", text(agent.name()),
            "owner", text(agent.owner()),
            "tier", text(QuestionJson.word(agent.tier())),
            "attestation", new CedarMap(attestation)),
        Set.of());
  }

  private static Entity resource(Question.Resource resource) {
    boolean isIntent = resource.kind().equals(Question.Resource.INTENT);
    return new Entity(
        (isIntent ? Names.intents() : Names.grants()).of(resource.name()),
        Map.of(
            "name", text(resource.name()),
            "system", text(resource.system()),
            "data_class", text(resource.dataClass()),
            "environment", text(resource.environment()),
            "actions", set(resource.actions())),
        Set.of());
  }

  /** An entity without tags need not be there: {@code hasTag} is false then. */
  private static void tags(EntityUID id, Map<String, Value> tags, Set<Entity> entities) {
    if (!tags.isEmpty()) {
      entities.add(new Entity(id, Map.of(), Set.of(), tags));
    }
  }

  private static Map<String, Value> context(Question question) {
    Question.Leave task = question.task();
    Map<String, Value> context = new HashMap<>();
    context.put("tool", text(question.tool().orElse("")));
    context.put("arguments", ARGUMENTS);
    context.put("numbers", NUMBERS);
    context.put("omitted", set(question.arguments().omitted()));
    context.put(
        "task",
        new CedarMap(
            Map.of(
                "id", text(task.id()),
                "intent", text(task.intent()),
                "parameters", PARAMETERS,
                "scope", set(task.scope()),
                "epoch", number(task.epoch()),
                "depth", number(task.depth()),
                "age_ms", number(task.age().toMillis()),
                "lifetime_ms", number(task.lifetime().toMillis()))));
    context.put(
        "source",
        new CedarMap(
            Map.of(
                "door",
                text(question.source().door().word()),
                "outside",
                new PrimBool(question.source().outside()))));
    context.put(
        "destination",
        new CedarMap(
            Map.of(
                "host",
                text(question.destination().host()),
                "outside",
                new PrimBool(question.destination().outside()))));
    context.put("step", text(QuestionJson.word(question.step())));
    context.put("history", history(question.history()));
    context.put("risk", number(question.risk()));
    context.put("approvals", set(question.approvals()));
    return context;
  }

  private static CedarMap history(History history) {
    return new CedarMap(
        Map.of(
            "calls", number(history.calls()),
            "retries", number(history.retries()),
            "branches", number(history.branches()),
            "denials", number(history.denials()),
            "chain", text(String.join(" > ", history.chain())),
            "steps", set(history.steps().stream().map(QuestionJson::word).toList()),
            "data_classes", set(history.dataClasses()),
            "outside", set(history.outside())));
  }

  private static Map<String, Value> texts(SortedMap<String, String> texts) {
    Map<String, Value> values = new HashMap<>();
    texts.forEach((name, text) -> values.put(name, text(text)));
    return values;
  }

  private static Value text(String text) {
    return new PrimString(text);
  }

  private static Value number(long number) {
    return new PrimLong(number);
  }

  private static Value set(Collection<String> texts) {
    CedarList list = new CedarList();
    new TreeSet<>(texts).forEach(each -> list.add(text(each)));
    return list;
  }
}
