package io.exeat.gateway.mcp;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import io.exeat.flow.ProxyRequests;
import io.exeat.flow.Use;
import io.exeat.gateway.jsonrpc.Message;
import java.io.IOException;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/** Asks a server for its tools' definitions, in the place of an agent that calls one. */
final class Lookup {
  private static final String LIST = "tools/list";
  private static final int MOST_PAGES = 100;

  private final ProxyRequests flow;
  private final Upstream upstreams;
  private final Definitions definitions;

  Lookup(ProxyRequests flow, Upstream upstreams, Definitions definitions) {
    this.flow = flow;
    this.upstreams = upstreams;
    this.definitions = definitions;
  }

  /**
   * Sees to it that the definitions are known.
   *
   * @param call whose session, version and capabilities the lists are asked for with
   * @throws FaultException Unavailable TARGET, Denied, Unavailable POLICY
   */
  void know(Caller caller, Message.Request call) {
    if (definitions.knows(caller.place())) {
      return;
    }
    try (Use use = flow.look(caller.peer(), caller.task(), Plan.look(caller.entry(), LIST))) {
      use.judged().orThrow();
      Optional<String> cursor = Optional.empty();
      for (int page = 0; page < MOST_PAGES; page++) {
        JsonNode result = page(caller, use, call, cursor, page);
        cursor =
            Optional.of(result.path("nextCursor"))
                .filter(JsonNode::isTextual)
                .map(JsonNode::textValue);
        definitions.saw(caller.place(), result.path("tools"), page == 0, cursor.isEmpty());
        if (cursor.isEmpty()) {
          return;
        }
      }
      throw away("lists its tools on more than " + MOST_PAGES + " pages");
    }
  }

  private JsonNode page(
      Caller caller, Use use, Message.Request call, Optional<String> cursor, int page) {
    String id = "exeat-" + page;
    ObjectNode json = JsonNodeFactory.instance.objectNode();
    json.put("jsonrpc", "2.0").put("id", id).put("method", LIST);
    ObjectNode params = json.putObject("params");
    if (caller.modern()) {
      ObjectNode meta = params.putObject("_meta");
      for (Map.Entry<String, JsonNode> each : call.params().path("_meta").properties()) {
        if (each.getKey().startsWith("io.modelcontextprotocol/")) {
          meta.set(each.getKey(), each.getValue());
        }
      }
    }
    cursor.ifPresent(it -> params.put("cursor", it));
    Message.Request list = new Message.Request(json.get("id"), LIST, params, json.toString());
    Outgoing ask = new Outgoing.Post(caller.theirs(), headers(caller), list);
    Answer answer = Sending.send(upstreams, caller, use, ask);
    try (var _ = use.whenEnded(_ -> answer.close())) {
      return result(answer, id);
    } catch (IOException e) {
      throw away("did not list its tools");
    } finally {
      answer.close();
    }
  }

  private static Map<String, String> headers(Caller caller) {
    Map<String, String> headers = new TreeMap<>(caller.headers());
    headers.keySet().removeIf(name -> !name.equals(Headers.VERSION));
    if (caller.modern()) {
      headers.put(Headers.METHOD, LIST);
    }
    return headers;
  }

  private static JsonNode result(Answer answer, String id) throws IOException {
    if (answer.status() != 200) {
      throw away("answered with HTTP status " + answer.status() + " when asked for its tools");
    }
    if (!answer.isStream()) {
      return result(Trees.read(new String(answer.whole(), UTF_8)));
    }
    for (Optional<Event> event = answer.next(); event.isPresent(); event = answer.next()) {
      String data = event.get().data().orElse("");
      JsonNode message = data.isEmpty() ? JsonNodeFactory.instance.objectNode() : Trees.read(data);
      if (message.path("id").asText().equals(id) && !message.has("method")) {
        return result(message);
      }
    }
    throw away("did not list its tools");
  }

  private static JsonNode result(JsonNode message) {
    JsonNode result = message.path("result");
    if (!result.path("tools").isArray()) {
      throw away("did not list its tools");
    }
    return result;
  }

  private static FaultException away(String what) {
    return new FaultException(
        new Fault.Unavailable(
            Fault.Dependency.TARGET, "the tool server " + what, Duration.ofSeconds(1)));
  }
}
