package io.exeat.policy;

import java.util.Collection;
import java.util.Iterator;
import java.util.Map;
import java.util.TreeMap;

/**
 * The canonical JSON of a question's document ({@link QuestionJson#write}), written at once: each
 * decision needs it, and few need the document.
 */
final class QuestionText {
  /** Room for a task that did much. */
  private final StringBuilder out = new StringBuilder(4_096);

  private QuestionText() {}

  /**
   * @throws IllegalArgumentException for a text with half a surrogate pair, which has no bytes
   */
  static String of(Question question) {
    QuestionText text = new QuestionText();
    text.question(question);
    return text.out.toString();
  }

  private void question(Question question) {
    text("{\"action\":", question.action().word());
    agent(question.agent());
    texts(",\"approvals\":", sorted(question.approvals()));
    arguments(question.arguments());
    text(",\"destination\":{\"host\":", question.destination().host());
    flag(",\"outside\":", question.destination().outside());
    history(question.history());
    resource(question.resource());
    number("},\"risk\":", question.risk());
    text(",\"source\":{\"door\":", question.source().door().word());
    flag(",\"outside\":", question.source().outside());
    text("},\"step\":", QuestionJson.word(question.step()));
    task(question.task());
    text("},\"tool\":", question.tool().orElse(""));
    number(",\"v\":", 1);
    out.append('}');
  }

  private void agent(Question.Caller agent) {
    out.append(",\"agent\":{\"attestation\":{");
    agent.attestation().gid().ifPresent(gid -> out.append("\"gid\":").append(gid).append(','));
    text("\"kind\":", agent.attestation().kind());
    text(",\"trust_domain\":", agent.attestation().trustDomain());
    agent.attestation().uid().ifPresent(uid -> number(",\"uid\":", uid));
    text("},\"id\":", agent.id());
    text(",\"name\":", agent.name());
    text(",\"owner\":", agent.owner());
    text(",\"tier\":", QuestionJson.word(agent.tier()));
    out.append('}');
  }

  private void arguments(Arguments arguments) {
    out.append(",\"arguments\":{\"numbers\":{");
    String before = "";
    for (Map.Entry<String, Long> each : arguments.numbers().entrySet()) {
      text(before, each.getKey());
      number(":", each.getValue());
      before = ",";
    }
    texts("},\"omitted\":", arguments.omitted());
    text(",\"sha256\":", arguments.sha256());
    out.append(",\"texts\":");
    texts(arguments.texts());
    out.append('}');
  }

  private void history(History history) {
    texts("},\"history\":{\"arguments\":", history.arguments());
    number(",\"branches\":", history.branches());
    number(",\"calls\":", history.calls());
    texts(",\"chain\":", history.chain());
    texts(",\"data_classes\":", sorted(history.dataClasses()));
    number(",\"denials\":", history.denials());
    texts(",\"outside\":", sorted(history.outside()));
    texts(",\"results\":", history.results());
    number(",\"retries\":", history.retries());
    texts(",\"steps\":", sorted(history.steps().stream().map(QuestionJson::word).toList()));
  }

  private void resource(Question.Resource resource) {
    texts("},\"resource\":{\"actions\":", sorted(resource.actions()));
    text(",\"data_class\":", resource.dataClass());
    text(",\"environment\":", resource.environment());
    text(",\"kind\":", resource.kind());
    text(",\"name\":", resource.name());
    text(",\"system\":", resource.system());
  }

  private void task(Question.Leave task) {
    number(",\"task\":{\"age_ms\":", task.age().toMillis());
    number(",\"depth\":", task.depth());
    number(",\"epoch\":", task.epoch());
    text(",\"id\":", task.id());
    text(",\"intent\":", task.intent());
    number(",\"lifetime_ms\":", task.lifetime().toMillis());
    out.append(",\"parameters\":");
    texts(task.parameters().size() < 2 ? task.parameters() : new TreeMap<>(task.parameters()));
    texts(",\"scope\":", sorted(task.scope()));
  }

  private void text(String before, String value) {
    out.append(before);
    CanonicalJson.string(value, out);
  }

  private void number(String before, long value) {
    out.append(before).append(value);
  }

  private void flag(String before, boolean value) {
    out.append(before).append(value);
  }

  private void texts(String before, Collection<String> values) {
    out.append(before).append('[');
    Iterator<String> each = values.iterator();
    while (each.hasNext()) {
      CanonicalJson.string(each.next(), out);
      if (each.hasNext()) {
        out.append(',');
      }
    }
    out.append(']');
  }

  private void texts(Map<String, String> values) {
    String before = "{";
    for (Map.Entry<String, String> each : values.entrySet()) {
      text(before, each.getKey());
      text(":", each.getValue());
      before = ",";
    }
    out.append(values.isEmpty() ? "{}" : "}");
  }

  private static Collection<String> sorted(Collection<String> values) {
    return values.size() < 2 ? values : values.stream().sorted().toList();
  }
}
