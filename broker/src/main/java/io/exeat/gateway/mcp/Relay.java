package io.exeat.gateway.mcp;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.NullNode;
import io.exeat.base.Fault;
import io.exeat.flow.Use;
import io.exeat.gateway.Faults;
import io.exeat.gateway.jsonrpc.ErrorCode;
import java.io.IOException;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.UnaryOperator;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Passes a server's answer on, event by event. It ends with whichever end goes first: the server's,
 * the agent's, or that of what it is done under.
 */
final class Relay {
  static final Map<String, String> JSON = Map.of("content-type", "application/json");
  private static final Map<String, String> EVENTS =
      Map.of(
          "content-type",
          "text/event-stream",
          "cache-control",
          "no-cache, no-transform",
          "x-accel-buffering",
          "no");
  private static final Logger LOG = LoggerFactory.getLogger(Relay.class);

  /** What a client can make sense of; others would make it look for an authorization server. */
  private static final Set<Integer> PASSED =
      Set.of(200, 202, 204, 400, 404, 405, 406, 409, 415, 422);

  private Relay() {}

  /**
   * @param id of the request that is answered; empty for a mere stream
   * @param headers for the agent, beside those of the answer itself
   */
  static void pass(
      Exchange exchange,
      Use use,
      Answer answer,
      Shaper shaper,
      Optional<JsonNode> id,
      Map<String, String> headers) {
    pass(exchange, use, answer, shaper, id, headers, sink -> sink);
  }

  /**
   * The same.
   *
   * @param over stands between a stream's events and the agent
   */
  static void pass(
      Exchange exchange,
      Use use,
      Answer answer,
      Shaper shaper,
      Optional<JsonNode> id,
      Map<String, String> headers,
      UnaryOperator<Exchange.Sink> over) {
    exchange.onGone(answer::close);
    try (var _ = use.whenEnded(_ -> answer.close())) {
      if (answer.isStream()) {
        stream(exchange, use, answer, shaper, id, headers, over);
      } else {
        whole(exchange, use, answer, shaper, id, headers);
      }
    } finally {
      answer.close();
    }
  }

  private static void whole(
      Exchange exchange,
      Use use,
      Answer answer,
      Shaper shaper,
      Optional<JsonNode> id,
      Map<String, String> headers) {
    String said;
    try {
      said = new String(answer.whole(), UTF_8);
      if (!said.isEmpty() && PASSED.contains(answer.status())) {
        boolean isWords = answer.status() >= 400 && !ErrorWords.isMessage(said);
        said = shaper.message(isWords ? ErrorWords.seen(said) : said);
        said = isWords ? ErrorWords.shortened(said) : said;
      }
    } catch (IOException e) {
      exchange.answer(200, with(JSON, headers), broken(use, id, e));
      return;
    }
    if (use.ended().isPresent()) {
      exchange.answer(200, with(JSON, headers), broken(use, id, new IOException("cut off")));
    } else if (!PASSED.contains(answer.status())) {
      String why = "the tool server answered with HTTP status " + answer.status();
      exchange.answer(200, with(JSON, headers), error(id, why));
    } else {
      exchange.answer(
          answer.status(), said.isEmpty() ? headers : with(JSON, headers), said.getBytes(UTF_8));
    }
  }

  private static void stream(
      Exchange exchange,
      Use use,
      Answer answer,
      Shaper shaper,
      Optional<JsonNode> id,
      Map<String, String> headers,
      UnaryOperator<Exchange.Sink> over) {
    try (Exchange.Sink sink = over.apply(exchange.stream(with(EVENTS, headers)))) {
      try {
        for (Optional<Event> event = answer.next(); event.isPresent(); event = answer.next()) {
          Event shaped = shaper.event(event.get());
          if (use.ended().isPresent()) {
            throw new IOException("cut off");
          }
          sink.send(shaped.bytes());
        }
      } catch (IOException e) {
        if (id.isPresent()) {
          sink.send(Event.message(broken(use, id, e)).bytes());
        }
      }
    } catch (IOException e) {
      LOG.debug("The agent has gone", e);
    }
  }

  private static byte[] broken(Use use, Optional<JsonNode> id, IOException why) {
    LOG.debug("An answer broke off", why);
    return error(
        id,
        use.ended()
            .map(fault -> "the call was cut off: " + words(fault))
            .orElse("the tool server's answer broke off"));
  }

  static String words(Fault fault) {
    return String.valueOf(Faults.toGrpc(fault).getStatus().getDescription());
  }

  private static byte[] error(Optional<JsonNode> id, String why) {
    return Replies.error(
        id.orElse(NullNode.getInstance()), ErrorCode.INTERNAL_ERROR, "Internal error: " + why);
  }

  private static Map<String, String> with(Map<String, String> some, Map<String, String> more) {
    Map<String, String> all = new TreeMap<>(some);
    all.putAll(more);
    return all;
  }
}
