package io.exeat.revoke;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.exeat.base.CredentialId;
import io.exeat.base.Epoch;
import io.exeat.base.TaskId;
import io.exeat.identity.SpiffeIds;
import io.spiffe.spiffeid.SpiffeId;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * A receipt as the JSON that is signed (docs/adr/0014). Reading refuses what writing would not
 * write.
 */
final class ReceiptText {
  private static final int VERSION = 1;
  private static final JsonFactory JSON = new JsonFactory();
  private static final JsonMapper READER =
      JsonMapper.builder()
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .build();

  private ReceiptText() {}

  /** Who says it, and when. */
  record Said(SpiffeId by, Instant at, Receipt receipt) {}

  static byte[] write(Said said) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream(1024);
    try (JsonGenerator json = JSON.createGenerator(bytes)) {
      json.writeStartObject();
      json.writeNumberField("v", VERSION);
      json.writeStringField("iss", said.by().toString());
      json.writeStringField("signed_at", said.at().toString());
      Receipt receipt = said.receipt();
      json.writeStringField("task", receipt.epoch().task().value());
      json.writeNumberField("epoch", receipt.epoch().number());
      json.writeStringField("agent", receipt.agent().toString());
      what(json, receipt.what());
      json.writeStringField("cause", receipt.cause());
      json.writeStringField("asked_at", receipt.askedAt().toString());
      outcome(json, receipt.outcome());
      json.writeEndObject();
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
    return bytes.toByteArray();
  }

  private static void what(JsonGenerator json, Receipt.Ended what) throws IOException {
    switch (what) {
      case Receipt.Credential it -> {
        json.writeObjectFieldStart("credential");
        json.writeStringField("id", it.id().value());
        json.writeStringField("kind", it.kind().name());
        json.writeStringField("grant", it.grant());
        json.writeStringField("target", it.target());
        json.writeStringField("principal", it.principal());
        hash(json, "lease", it.lease());
        json.writeStringField("issued_at", it.issuedAt().toString());
        json.writeStringField("expires_at", it.expiresAt().toString());
        json.writeEndObject();
      }
      case Receipt.WholeEpoch it -> {
        json.writeObjectFieldStart("whole_epoch");
        if (it.token().isPresent()) {
          hash(json, "token", it.token().get());
        }
        texts(json, "targets", it.targets());
        json.writeEndObject();
      }
    }
  }

  private static void outcome(JsonGenerator json, Receipt.Outcome outcome) throws IOException {
    switch (outcome) {
      case Receipt.Dead it -> {
        json.writeObjectFieldStart("dead");
        json.writeStringField("confirmed_at", it.confirmedAt().toString());
        json.writeStringField("dead_at", it.deadAt().toString());
        texts(json, "checks", it.checks());
        json.writeEndObject();
      }
      case Receipt.CannotBeRecalled it -> {
        json.writeObjectFieldStart("cannot_be_recalled");
        json.writeStringField("ends_at", it.endsAt().toString());
        json.writeStringField("why", it.why());
        json.writeEndObject();
      }
    }
  }

  private static void hash(JsonGenerator json, String name, SaltedHash hash) throws IOException {
    json.writeObjectFieldStart(name);
    json.writeStringField("salt", hash.salt());
    json.writeStringField("sha256", hash.sha256());
    json.writeEndObject();
  }

  private static void texts(JsonGenerator json, String name, List<String> texts)
      throws IOException {
    json.writeArrayFieldStart(name);
    for (String text : texts) {
      json.writeString(text);
    }
    json.writeEndArray();
  }

  /**
   * @throws IOException saying what is not as it must be
   */
  static Said read(byte[] text) throws IOException {
    try (JsonParser parser = READER.createParser(text)) {
      Fields all = new Fields(READER.readTree(parser), "the receipt");
      if (all.number("v") != VERSION) {
        throw new IOException("the receipt is of a version that is not known here");
      }
      Receipt receipt =
          new Receipt(
              new Epoch(new TaskId(all.text("task")), all.number("epoch")),
              SpiffeIds.parseWorkload("agent", all.text("agent")),
              all.has("credential")
                  ? credential(all.object("credential"))
                  : epoch(all.object("whole_epoch")),
              all.text("cause"),
              all.instant("asked_at"),
              all.has("dead")
                  ? dead(all.object("dead"))
                  : unrecalled(all.object("cannot_be_recalled")));
      Said said =
          new Said(
              SpiffeIds.parseWorkload("iss", all.text("iss")), all.instant("signed_at"), receipt);
      all.close();
      return said;
    } catch (RuntimeException e) {
      throw new IOException("the receipt is not one: " + e.getMessage(), e);
    }
  }

  private static Receipt.Ended credential(Fields it) throws IOException {
    Receipt.Credential credential =
        new Receipt.Credential(
            new CredentialId(it.text("id")),
            Receipt.Kind.valueOf(it.text("kind")),
            it.text("grant"),
            it.text("target"),
            it.text("principal"),
            hash(it.object("lease")),
            it.instant("issued_at"),
            it.instant("expires_at"));
    it.close();
    return credential;
  }

  private static Receipt.Ended epoch(Fields it) throws IOException {
    Receipt.WholeEpoch epoch =
        new Receipt.WholeEpoch(
            it.has("token") ? Optional.of(hash(it.object("token"))) : Optional.empty(),
            it.texts("targets"));
    it.close();
    return epoch;
  }

  private static Receipt.Outcome dead(Fields it) throws IOException {
    Receipt.Dead dead =
        new Receipt.Dead(it.instant("confirmed_at"), it.instant("dead_at"), it.texts("checks"));
    it.close();
    return dead;
  }

  private static Receipt.Outcome unrecalled(Fields it) throws IOException {
    Receipt.CannotBeRecalled outcome =
        new Receipt.CannotBeRecalled(it.instant("ends_at"), it.text("why"));
    it.close();
    return outcome;
  }

  private static SaltedHash hash(Fields it) throws IOException {
    SaltedHash hash = new SaltedHash(it.text("salt"), it.text("sha256"));
    it.close();
    return hash;
  }

  /** An object whose every field is read, and has the type that it must have. */
  private static final class Fields {
    private final JsonNode object;
    private final String name;
    private final Set<String> read = new HashSet<>();

    Fields(JsonNode object, String name) throws IOException {
      this.object = object;
      this.name = name;
      if (!object.isObject()) {
        throw new IOException(name + " is no object");
      }
    }

    boolean has(String field) {
      return object.has(field);
    }

    String text(String field) throws IOException {
      return text(field, get(field));
    }

    private static String text(String field, JsonNode value) throws IOException {
      if (!value.isTextual()) {
        throw new IOException(field + " is no text");
      }
      return value.textValue();
    }

    long number(String field) throws IOException {
      JsonNode value = get(field);
      if (!value.isIntegralNumber() || !value.canConvertToLong()) {
        throw new IOException(field + " is no number");
      }
      return value.longValue();
    }

    Instant instant(String field) throws IOException {
      return Instant.parse(text(field));
    }

    List<String> texts(String field) throws IOException {
      JsonNode value = get(field);
      if (!value.isArray()) {
        throw new IOException(field + " is no list");
      }
      List<String> texts = new ArrayList<>();
      for (JsonNode each : value) {
        texts.add(text(field, each));
      }
      return texts;
    }

    Fields object(String field) throws IOException {
      return new Fields(get(field), field);
    }

    /** Refuses fields that nobody read. */
    void close() throws IOException {
      for (Map.Entry<String, JsonNode> field : object.properties()) {
        if (!read.contains(field.getKey())) {
          throw new IOException(name + " has a field that is not known here");
        }
      }
    }

    private JsonNode get(String field) throws IOException {
      read.add(field);
      JsonNode value = object.get(field);
      if (value == null) {
        throw new IOException(name + " has no " + field);
      }
      return value;
    }
  }
}
