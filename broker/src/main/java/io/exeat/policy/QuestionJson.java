package io.exeat.policy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.exeat.base.FaultException;
import io.exeat.identity.SpiffeIds;
import io.exeat.task.Step;
import io.exeat.task.Tier;
import java.time.Duration;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;

/**
 * A question as a document: OPA's {@code input}, what the audit chain keeps, what the hash is over.
 * Written and read without loss.
 */
public final class QuestionJson {
  private static final JsonNodeFactory JSON = JsonNodeFactory.instance;
  private static final ConcurrentMap<Enum<?>, String> WORDS = new ConcurrentHashMap<>();

  private QuestionJson() {}

  /** The document; keys and lists are sorted. */
  public static ObjectNode write(Question question) {
    ObjectNode root = JSON.objectNode();
    root.put("v", 1);
    root.put("action", question.action().word());
    root.set("agent", agent(question.agent()));
    root.set("task", task(question.task()));
    root.put("tool", question.tool().orElse(""));
    root.set("arguments", arguments(question.arguments()));
    root.set("resource", resource(question.resource()));
    ObjectNode source = root.putObject("source");
    source.put("door", question.source().door().word());
    source.put("outside", question.source().outside());
    ObjectNode destination = root.putObject("destination");
    destination.put("host", question.destination().host());
    destination.put("outside", question.destination().outside());
    root.put("step", word(question.step()));
    root.set("history", history(question.history()));
    root.put("risk", question.risk());
    root.set("approvals", sorted(question.approvals()));
    return root;
  }

  /** SHA-256 of the canonical document, in hex. */
  public static String sha256(ObjectNode document) {
    return CanonicalJson.sha256(document);
  }

  /**
   * The question that {@code document} is.
   *
   * @throws IllegalArgumentException naming the first thing in it that is missing, unknown or wrong
   */
  public static Question read(JsonNode document) {
    Fields root = new Fields("question", document);
    if (root.number("v") != 1) {
      throw root.wrong("v", "1");
    }
    Fields source = root.object("source");
    Fields destination = root.object("destination");
    Question question =
        new Question(
            agent(root.object("agent")),
            task(root.object("task")),
            root.one("action", Action::of),
            Optional.of(root.text("tool")).filter(tool -> !tool.isEmpty()),
            arguments(root.object("arguments")),
            resource(root.object("resource")),
            new Question.Source(
                source.one("door", text -> constant(Door.class, text)), source.flag("outside")),
            new Question.Destination(destination.text("host"), destination.flag("outside")),
            root.one("step", text -> constant(Step.class, text)),
            history(root.object("history")),
            (int) root.number("risk"),
            Set.copyOf(root.texts("approvals")));
    root.finish();
    source.finish();
    destination.finish();
    return question;
  }

  /** What the document has for an attribute as {@link Reason} names it. */
  public static JsonNode value(JsonNode document, String attribute) {
    String place =
        attribute.startsWith("arguments.")
            ? attribute.replaceFirst("arguments.", "arguments.texts.")
            : attribute.startsWith("numbers.")
                ? "arguments." + attribute
                : attribute.equals("omitted")
                    ? "arguments.omitted"
                    : attribute.equals("arguments_sha256") ? "arguments.sha256" : attribute;
    JsonNode at = document;
    String[] parts = place.split("\\.", place.startsWith("arguments.") ? 3 : -1);
    for (String part : parts) {
      at = at.path(part);
    }
    return at;
  }

  private static ObjectNode agent(Question.Caller agent) {
    ObjectNode node = JSON.objectNode();
    node.put("id", agent.id());
    node.put("name", agent.name());
    node.put("owner", agent.owner());
    node.put("tier", word(agent.tier()));
    ObjectNode attestation = node.putObject("attestation");
    attestation.put("kind", agent.attestation().kind());
    attestation.put("trust_domain", agent.attestation().trustDomain());
    agent.attestation().uid().ifPresent(uid -> attestation.put("uid", uid));
    agent.attestation().gid().ifPresent(gid -> attestation.put("gid", gid));
    return node;
  }

  private static Question.Caller agent(Fields node) {
    Fields attestation = node.object("attestation");
    Question.Caller caller =
        new Question.Caller(
            node.text("id"),
            node.text("name"),
            node.text("owner"),
            node.one("tier", text -> constant(Tier.class, text)),
            new Question.Attestation(
                attestation.text("kind"),
                attestation.has("trust_domain")
                    ? attestation.text("trust_domain")
                    : trustDomain(node),
                attestation.optionalNumber("uid").map(Long::intValue),
                attestation.optionalNumber("gid").map(Long::intValue)));
    node.finish();
    attestation.finish();
    return caller;
  }

  /** Where older brokers recorded none, that of the agent's ID. */
  private static String trustDomain(Fields agent) {
    try {
      return SpiffeIds.parse("id", agent.text("id")).getTrustDomain().getName();
    } catch (FaultException e) {
      var wrong = agent.wrong("id", "a SPIFFE ID where attestation has no trust_domain");
      wrong.initCause(e);
      throw wrong;
    }
  }

  private static ObjectNode task(Question.Leave task) {
    ObjectNode node = JSON.objectNode();
    node.put("id", task.id());
    node.put("intent", task.intent());
    ObjectNode parameters = node.putObject("parameters");
    new TreeMap<>(task.parameters()).forEach(parameters::put);
    node.set("scope", sorted(task.scope()));
    node.put("epoch", task.epoch());
    node.put("depth", task.depth());
    node.put("age_ms", task.age().toMillis());
    node.put("lifetime_ms", task.lifetime().toMillis());
    return node;
  }

  private static Question.Leave task(Fields node) {
    Question.Leave task =
        new Question.Leave(
            node.text("id"),
            node.text("intent"),
            node.object("parameters").allTexts(),
            Set.copyOf(node.texts("scope")),
            node.number("epoch"),
            (int) node.number("depth"),
            Duration.ofMillis(node.number("age_ms")),
            Duration.ofMillis(node.number("lifetime_ms")));
    node.finish();
    return task;
  }

  private static ObjectNode arguments(Arguments arguments) {
    ObjectNode node = JSON.objectNode();
    ObjectNode texts = node.putObject("texts");
    arguments.texts().forEach(texts::put);
    ObjectNode numbers = node.putObject("numbers");
    arguments.numbers().forEach(numbers::put);
    node.set("omitted", sorted(arguments.omitted()));
    node.put("sha256", arguments.sha256());
    return node;
  }

  private static Arguments arguments(Fields node) {
    Arguments arguments =
        new Arguments(
            new TreeMap<>(node.object("texts").allTexts()),
            new TreeMap<>(node.object("numbers").allNumbers()),
            new TreeSet<>(node.texts("omitted")),
            node.text("sha256"));
    node.finish();
    return arguments;
  }

  private static ObjectNode resource(Question.Resource resource) {
    ObjectNode node = JSON.objectNode();
    node.put("kind", resource.kind());
    node.put("name", resource.name());
    node.put("system", resource.system());
    node.put("data_class", resource.dataClass());
    node.put("environment", resource.environment());
    node.set("actions", sorted(resource.actions()));
    return node;
  }

  private static Question.Resource resource(Fields node) {
    Question.Resource resource =
        new Question.Resource(
            node.one("kind", text -> Optional.of(text).filter(Question.Resource::isKind)),
            node.text("name"),
            node.text("system"),
            node.text("data_class"),
            node.text("environment"),
            Set.copyOf(node.texts("actions")));
    node.finish();
    return resource;
  }

  private static ObjectNode history(History history) {
    ObjectNode node = JSON.objectNode();
    node.put("calls", history.calls());
    node.put("retries", history.retries());
    node.put("branches", history.branches());
    node.put("denials", history.denials());
    ArrayNode chain = node.putArray("chain");
    history.chain().forEach(chain::add);
    ArrayNode given = node.putArray("arguments");
    history.arguments().forEach(given::add);
    ArrayNode results = node.putArray("results");
    history.results().forEach(results::add);
    node.set("steps", sorted(history.steps().stream().map(QuestionJson::word).toList()));
    node.set("data_classes", sorted(history.dataClasses()));
    node.set("outside", sorted(history.outside()));
    return node;
  }

  private static History history(Fields node) {
    Set<Step> steps = new HashSet<>();
    for (String each : node.texts("steps")) {
      steps.add(constant(Step.class, each).orElseThrow(() -> node.wrong("steps", "steps")));
    }
    History history =
        new History(
            (int) node.number("calls"),
            (int) node.number("retries"),
            (int) node.number("branches"),
            (int) node.number("denials"),
            node.texts("chain"),
            node.texts("arguments"),
            node.texts("results"),
            steps,
            Set.copyOf(node.texts("data_classes")),
            Set.copyOf(node.texts("outside")));
    node.finish();
    return history;
  }

  private static ArrayNode sorted(Collection<String> texts) {
    ArrayNode array = JSON.arrayNode();
    new TreeSet<>(texts).forEach(array::add);
    return array;
  }

  /** The constant's word in questions and policies: lower case with dashes. */
  public static String word(Enum<?> constant) {
    return WORDS.computeIfAbsent(
        constant, it -> it.name().toLowerCase(Locale.ROOT).replace('_', '-'));
  }

  static <E extends Enum<E>> Optional<E> constant(Class<E> type, String word) {
    return List.of(type.getEnumConstants()).stream()
        .filter(each -> word(each).equals(word))
        .findAny();
  }
}
