package io.exeat.gateway.mcp;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.exeat.policy.CanonicalJson;
import java.io.IOException;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;

/**
 * What a server says, as the agent may see it: without what was lent, lists filtered, everything
 * else as it came.
 */
final class Shaper {
  private static final String LIST_CHANGED = "/list_changed";

  /** What becomes of results. */
  enum Results {
    /** They stay as they are. */
    KEPT,

    /** What is no readable result of what was asked does not pass. */
    CHANGED,

    /** What cannot be read, or is another's, passes as it came: it names nothing to be hidden. */
    CHANGED_IF_READ
  }

  private final Scrubber scrubber;
  private final Optional<JsonNode> awaited;
  private final UnaryOperator<ObjectNode> onResult;
  private final Results results;
  private final Runnable onListChanged;
  private Optional<Consumer<String>> onAnswer;

  /**
   * @param awaited the id of the request whose result {@code onResult} changes
   * @param onListChanged told when the server says that a list is another one now
   * @param onAnswer told of the awaited answer's SHA-256, in hex, before the agent has the answer
   */
  Shaper(
      Scrubber scrubber,
      Optional<JsonNode> awaited,
      Results results,
      UnaryOperator<ObjectNode> onResult,
      Runnable onListChanged,
      Optional<Consumer<String>> onAnswer) {
    this.scrubber = scrubber;
    this.awaited = awaited;
    this.results = results;
    this.onResult = onResult;
    this.onListChanged = onListChanged;
    this.onAnswer = onAnswer;
  }

  /**
   * @throws IOException when it had to be looked into and is no JSON
   */
  String message(String json) throws IOException {
    String shaped = keeps() && !mayBeListChanged(json) ? json : looked(json);
    // What cannot be seen goes first: it could stand between two halves of what was lent.
    String clean =
        ErrorWords.may(shaped)
            ? ErrorWords.cut(scrubber.json(ErrorWords.plain(shaped)))
            : scrubber.json(shaped);
    answer(clean);
    return clean;
  }

  Event event(Event event) throws IOException {
    Optional<String> data = event.data();
    if (data.isEmpty() || data.get().isEmpty()) {
      return cleaned(event);
    }
    String shaped = message(data.get());
    return cleaned(shaped.equals(data.get()) ? event : event.with(shaped));
  }

  /** Ids and comments can tell things too. */
  private Event cleaned(Event event) {
    return new Event(
        event.lines().stream().map(it -> Event.isData(it) ? it : scrubber.line(it)).toList());
  }

  /** Never wrong when it says no: slashes and letters can be escaped. */
  private static boolean mayBeListChanged(String json) {
    return json.contains(LIST_CHANGED)
        || (json.indexOf('\\') >= 0
            && Trees.methods(json).stream().anyMatch(it -> it.endsWith(LIST_CHANGED)));
  }

  private boolean keeps() {
    return results == Results.KEPT;
  }

  private String looked(String json) throws IOException {
    try {
      return read(json);
    } catch (IOException e) {
      if (results == Results.CHANGED_IF_READ && !mayBeListChanged(json)) {
        return json;
      }
      throw e;
    }
  }

  private String read(String json) throws IOException {
    try {
      if (!(Trees.read(json) instanceof ObjectNode message)) {
        throw new IOException("the tool server sent something that is no message");
      }
      if (message.path("method").asText().endsWith(LIST_CHANGED)) {
        onListChanged.run();
      }
      boolean isAwaited = !message.has("method") && isAwaited(message);
      if (!keeps() && isAwaited && message.get("result") instanceof ObjectNode result) {
        message.set("result", onResult.apply(result));
        return new String(Replies.bytes(message), UTF_8);
      }
      if (!keeps() && !message.has("method") && message.has("result")) {
        throw new IOException("the tool server answered something that was not asked");
      }
      return json;
    } catch (JsonProcessingException e) {
      throw new IOException("the tool server sent something that is no JSON");
    }
  }

  /** With its id, no answer would equal another. */
  private void answer(String json) {
    if (onAnswer.isEmpty()) {
      return;
    }
    try {
      JsonNode message = Trees.read(json);
      JsonNode gives = message.has("error") ? message.path("error") : message.path("result");
      if (!message.has("method") && !gives.isMissingNode() && isAwaited(message)) {
        onAnswer.get().accept(sha256(gives));
        onAnswer = Optional.empty(); // a client takes the first one too
      }
    } catch (JsonProcessingException e) {
      // It is no answer.
    }
  }

  private boolean isAwaited(JsonNode message) {
    return awaited.isPresent() && message.path("id").equals(awaited.get());
  }

  private static String sha256(JsonNode gives) {
    try {
      return CanonicalJson.sha256(gives);
    } catch (IllegalArgumentException e) { // half a surrogate pair: there is no canonical form
      return CanonicalJson.sha256(Replies.bytes(gives));
    }
  }
}
