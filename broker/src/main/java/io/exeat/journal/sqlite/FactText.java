package io.exeat.journal.sqlite;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import io.exeat.base.Accessor;
import io.exeat.base.CredentialId;
import io.exeat.base.Epoch;
import io.exeat.base.LeaseId;
import io.exeat.base.TaskId;
import io.exeat.credential.Held;
import io.exeat.journal.Kill;
import io.spiffe.spiffeid.SpiffeId;
import java.io.IOException;
import java.io.StringWriter;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

/**
 * A fact as a flat JSON object of texts, so that a person in need reads it with any SQLite shell:
 * the accessors in it are what ends tokens by hand.
 */
final class FactText {
  private static final JsonFactory JSON = new JsonFactory();

  private FactText() {}

  static String write(Fact fact) {
    Map<String, String> fields = new LinkedHashMap<>();
    switch (fact) {
      case Fact.Session it -> {
        fields.put("fact", "session");
        fields.put("accessor", it.session().value());
      }
      case Fact.Intended it -> {
        epoch(fields, "intended", it.epoch());
        fields.put("agent", it.agent().toString());
        // Target names have no blank in them (catalogue).
        fields.put("targets", String.join(" ", new TreeSet<>(it.targets())));
      }
      case Fact.Bound it -> {
        epoch(fields, "bound", it.epoch());
        fields.put("accessor", it.token().value());
      }
      case Fact.Lent it -> held(fields, it.credential());
      case Fact.Ending it -> {
        epoch(fields, "ending", it.epoch());
        fields.put("cause", it.cause());
      }
      case Fact.Dead it -> {
        fields.put("fact", "dead");
        fields.put("credential", it.credential().value());
        fields.put("at", it.at().toString());
      }
      case Fact.Killed it -> {
        fields.put("fact", "killed");
        fields.put("agent", it.kill().agent().toString());
        fields.put("entry", it.kill().entry());
        fields.put("at", it.kill().at().toString());
        fields.put("by", it.kill().by());
        fields.put("reason", it.kill().reason());
      }
      case Fact.SessionEnded _, Fact.Settled _, Fact.Restored _ ->
          throw new IllegalArgumentException("this fact removes what is written");
    }
    return json(fields);
  }

  /**
   * @throws RuntimeException when {@code text} is no fact
   */
  static Fact read(String text) {
    Map<String, String> fields = fields(text);
    return switch (get(fields, "fact")) {
      case "session" -> new Fact.Session(new Accessor(get(fields, "accessor")));
      case "intended" -> {
        String targets = get(fields, "targets");
        yield new Fact.Intended(
            epoch(fields),
            SpiffeId.parse(get(fields, "agent")),
            targets.isEmpty() ? Set.of() : Set.of(targets.split(" ", -1)));
      }
      case "bound" -> new Fact.Bound(epoch(fields), new Accessor(get(fields, "accessor")));
      case "lent" -> new Fact.Lent(held(fields));
      case "ending" -> new Fact.Ending(epoch(fields), get(fields, "cause"));
      case "dead" ->
          new Fact.Dead(
              new CredentialId(get(fields, "credential")), Instant.parse(get(fields, "at")));
      case "killed" ->
          new Fact.Killed(
              new Kill(
                  SpiffeId.parse(get(fields, "agent")),
                  get(fields, "entry"),
                  Instant.parse(get(fields, "at")),
                  get(fields, "by"),
                  get(fields, "reason")));
      default -> throw new IllegalArgumentException("no such fact");
    };
  }

  private static void epoch(Map<String, String> fields, String fact, Epoch epoch) {
    fields.put("fact", fact);
    fields.put("task", epoch.task().value());
    fields.put("epoch", Long.toString(epoch.number()));
  }

  private static Epoch epoch(Map<String, String> fields) {
    return new Epoch(new TaskId(get(fields, "task")), Long.parseLong(get(fields, "epoch")));
  }

  private static void held(Map<String, String> fields, Held held) {
    epoch(fields, "lent", held.epoch());
    fields.put("credential", held.id().value());
    fields.put("grant", held.grant());
    fields.put("target", held.target());
    fields.put("lease", held.lease().value());
    fields.put("principal", held.principal());
    fields.put("kind", held.kind().name());
    fields.put("state", held.state().name());
    fields.put("issued", held.issuedAt().toString());
    fields.put("expires", held.expiresAt().toString());
    held.deadAt().ifPresent(at -> fields.put("dead", at.toString()));
  }

  private static Held held(Map<String, String> fields) {
    return new Held(
        new CredentialId(get(fields, "credential")),
        epoch(fields),
        get(fields, "grant"),
        get(fields, "target"),
        new LeaseId(get(fields, "lease")),
        get(fields, "principal"),
        // Before there was another kind, it was not written down.
        Held.Kind.valueOf(fields.getOrDefault("kind", Held.Kind.POSTGRES_ROLE.name())),
        Held.State.valueOf(get(fields, "state")),
        Instant.parse(get(fields, "issued")),
        Instant.parse(get(fields, "expires")),
        Optional.ofNullable(fields.get("dead")).map(Instant::parse));
  }

  private static String get(Map<String, String> fields, String name) {
    String value = fields.get(name);
    if (value == null) {
      throw new IllegalArgumentException("no " + name);
    }
    return value;
  }

  private static String json(Map<String, String> fields) {
    StringWriter text = new StringWriter();
    try (JsonGenerator json = JSON.createGenerator(text)) {
      json.writeStartObject();
      for (Map.Entry<String, String> field : fields.entrySet()) {
        json.writeStringField(field.getKey(), field.getValue());
      }
      json.writeEndObject();
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
    return text.toString();
  }

  private static Map<String, String> fields(String text) {
    Map<String, String> fields = new LinkedHashMap<>();
    try (JsonParser json = JSON.createParser(text)) {
      if (json.nextToken() != JsonToken.START_OBJECT) {
        throw new IllegalArgumentException("no object");
      }
      for (String name = json.nextFieldName(); name != null; name = json.nextFieldName()) {
        fields.put(name, json.nextTextValue());
      }
    } catch (IOException e) {
      throw new IllegalArgumentException("no JSON", e);
    }
    return fields;
  }
}
