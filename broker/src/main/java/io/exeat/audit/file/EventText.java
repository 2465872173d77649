package io.exeat.audit.file;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import io.exeat.audit.AuditEvent;
import io.exeat.base.CredentialId;
import io.exeat.base.Epoch;
import io.exeat.base.Fault;
import io.exeat.base.RequestId;
import io.exeat.base.Sha256;
import io.exeat.credential.Held;
import io.exeat.task.Task;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.Collection;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * An event as the fields of a line: ASCII alone, everything else escaped, each text and list cut to
 * a bound.
 *
 * <p>Lease IDs stand there as SHA-256 in hex: an auditor who has one can find it, and nobody can
 * use it.
 */
final class EventText {
  private static final int MOST_ITEMS = 32;

  private static final DateTimeFormatter NANOS =
      DateTimeFormatter.ofPattern("uuuu-MM-dd'T'HH:mm:ss.SSSSSSSSS'Z'").withZone(ZoneOffset.UTC);

  private static final JsonFactory JSON = LineJson.factory();

  private final JsonGenerator json;
  private final OutputStream out;

  private EventText(JsonGenerator json, OutputStream out) {
    this.json = json;
    this.out = out;
  }

  /** The fields of {@code event}, from {@code ,"at":} to the last. */
  static byte[] of(AuditEvent event, Instant at, RequestId request, boolean late) {
    return fields(
        event.kind(),
        at,
        request,
        text -> {
          if (late) {
            text.json.writeBooleanField("late", true);
          }
          text.event(event);
        });
  }

  /**
   * The fields of {@code chain.recovered}: a crash left {@code bytes} of a line that nobody was
   * told of.
   */
  static byte[] recovered(Instant at, long bytes, String sha256) {
    return fields(
        "chain.recovered",
        at,
        new RequestId("-"),
        text -> {
          text.json.writeNumberField("bytes", bytes);
          text.json.writeStringField("sha256", sha256);
        });
  }

  /** The fields of {@code chain.lost}: so many endings found no room, or fell to a defect. */
  static byte[] lost(Instant at, long events) {
    return fields(
        "chain.lost", at, new RequestId("-"), text -> text.json.writeNumberField("events", events));
  }

  private interface Body {
    void write(EventText text) throws IOException;
  }

  private static byte[] fields(String kind, Instant at, RequestId request, Body body) {
    FieldsBytes bytes = new FieldsBytes();
    try (JsonGenerator json = JSON.createGenerator(bytes)) {
      EventText text = new EventText(json, bytes);
      json.writeStartObject();
      json.writeStringField("at", NANOS.format(at));
      json.writeStringField("kind", kind);
      text.text("request", request.value());
      body.write(text);
      json.writeEndObject();
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
    return bytes.ofObject();
  }

  private void event(AuditEvent event) throws IOException {
    switch (event) {
      case AuditEvent.BrokerStarted it -> {
        text("version", it.version());
        text("spiffe_id", it.spiffeId());
        json.writeNumberField("journalled", it.journalled());
      }
      case AuditEvent.BrokerStopped it -> text("reason", it.reason());
      case AuditEvent.TaskOpened it -> task(it.task());
      case AuditEvent.Refused it -> {
        text("method", it.method());
        text("caller", it.caller());
        if (it.task().isPresent()) {
          text("task", it.task().get().value());
        }
        fault(it.fault());
      }
      case AuditEvent.RefusalsSkipped it -> json.writeNumberField("count", it.count());
      case AuditEvent.Decided it -> {
        text("decision", it.decision().value());
        text("task", it.task().value());
        text("agent", it.agent());
        AnswersText.write(json, out, it.answers());
      }
      case AuditEvent.Answered it -> {
        text("decision", it.decision().value());
        text("task", it.task().value());
        text("answer_sha256", it.sha256());
      }
      case AuditEvent.CredentialIssued it -> {
        text("agent", it.agent());
        held(it.credential());
        text("decision", it.decision().value());
      }
      case AuditEvent.EpochClosed it -> {
        epoch(it.epoch());
        texts("next_scope", new TreeSet<>(it.nextScope()));
      }
      case AuditEvent.EpochOpened it -> task(it.task());
      case AuditEvent.TaskEnding it -> {
        text("task", it.task().value());
        text("cause", it.cause().name());
        text("note", it.note());
      }
      case AuditEvent.CannotBeRecalled it -> {
        held(it.credential());
        text("cause", it.cause());
      }
      case AuditEvent.CredentialDead it -> {
        held(it.credential());
        texts("checks", it.checks());
      }
      case AuditEvent.EpochDead it -> {
        epoch(it.epoch());
        texts("checks", it.checks());
      }
      case AuditEvent.RevocationOverdue it -> {
        epoch(it.epoch());
        json.writeNumberField("seconds", it.after().toSeconds());
        text("reason", it.reason());
      }
      case AuditEvent.TaskEnded it -> task(it.task());
      case AuditEvent.OperatorActed it -> {
        text("operator", it.operator());
        text("action", it.action());
        text("what", it.what());
        text("reason", it.reason());
      }
      case AuditEvent.PolicyTaken it -> {
        text("policy", it.sha256());
        text("source", it.source());
      }
      case AuditEvent.PolicyRefused it -> text("problem", it.problem());
      case AuditEvent.ReceiptSigned it -> {
        epoch(it.epoch());
        text("credential", it.credential().map(CredentialId::value).orElse(""));
        text("agent", it.agent());
        json.writeStringField("receipt", it.jws());
      }
      case AuditEvent.Approved it -> {
        text("asked", it.asked().value());
        text("task", it.task());
        text("agent", it.call().agent());
        text("call_sha256", it.call().sha256());
        text("policy_sha256", it.call().policy());
        AnswersText.questions(json, it.questions(), it.because());
        text("as", it.approval().as());
        text("by", it.approval().by());
        at("valid_until", it.approval().validUntil());
        text("reason", it.reason());
      }
      case AuditEvent.ApprovalUsed it -> {
        text("asked", it.asked().value());
        text("decision", it.decision().value());
        text("task", it.task().value());
        text("call_sha256", it.call());
      }
    }
  }

  private void task(Task task) throws IOException {
    epoch(task.epoch());
    if (task.parent().isPresent()) {
      text("parent", task.parent().get().value());
    }
    text("agent", task.agent().id().toString());
    text("instance", task.agent().instance());
    text("entry", task.entry());
    text("intent", task.intent().intent());
    json.writeObjectFieldStart("parameters");
    int items = 0;
    for (Map.Entry<String, String> each : new TreeMap<>(task.intent().parameters()).entrySet()) {
      if (items++ < MOST_ITEMS) {
        text(LineJson.cut(each.getKey()), each.getValue());
      }
    }
    json.writeEndObject();
    text("note", task.note());
    texts("scope", new TreeSet<>(task.scope()));
    text("state", task.state().name());
    text("binding", task.binding().name());
    at("opened", task.openedAt());
    at("deadline", task.deadline());
    if (task.end().isPresent()) {
      Task.End end = task.end().get();
      text("cause", end.cause().name());
      at("ended", end.at());
      if (end.deadAt().isPresent()) {
        at("dead", end.deadAt().get());
      }
    }
  }

  private void held(Held held) throws IOException {
    epoch(held.epoch());
    text("credential", held.id().value());
    text("grant", held.grant());
    text("target", held.target());
    text("principal", held.principal());
    text("what", held.kind().name());
    byte[] lease = held.lease().value().getBytes(StandardCharsets.UTF_8);
    text("lease_sha256", Sha256.hex(lease));
    text("state", held.state().name());
    at("issued", held.issuedAt());
    at("expires", held.expiresAt());
    if (held.deadAt().isPresent()) {
      at("dead", held.deadAt().get());
    }
  }

  private void epoch(Epoch epoch) throws IOException {
    text("task", epoch.task().value());
    json.writeNumberField("epoch", epoch.number());
  }

  /** The fault's name and its fields as a record writes them, which are safe to show. */
  private void fault(Fault fault) throws IOException {
    text("fault", fault.getClass().getSimpleName());
    text("detail", fault.toString());
  }

  private void at(String name, Instant at) throws IOException {
    json.writeStringField(name, NANOS.format(at));
  }

  private void texts(String name, Collection<String> texts) throws IOException {
    json.writeArrayFieldStart(name);
    int items = 0;
    for (String each : texts) {
      if (items++ == MOST_ITEMS) {
        json.writeString("... and " + (texts.size() - MOST_ITEMS) + " more");
        break;
      }
      LineJson.text(json, each);
    }
    json.writeEndArray();
  }

  private void text(String name, String text) throws IOException {
    json.writeFieldName(name);
    LineJson.text(json, text);
  }
}
