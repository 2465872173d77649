package io.exeat.gateway.mcp;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.exeat.flow.Use;
import io.exeat.gateway.jsonrpc.Message;
import io.exeat.task.UpstreamEntry;
import java.time.Duration;
import java.util.EnumSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;

/**
 * The story of a client that wants to hear when lists change: it is told that it can, is shown the
 * lists, and listens, in either era.
 */
final class Listening {
  /** Clients take a stream that says nothing at all for a dead one; some after half a minute. */
  private static final Duration SILENCE = Duration.ofSeconds(15);

  private final Listing listing;
  private final Listeners listeners;
  private final QuietStreams quiet = new QuietStreams();

  /** What servers said that they have, by the entry's name. */
  private final ConcurrentMap<String, Set<ListKind>> offered = new ConcurrentHashMap<>();

  Listening(Listing listing, Listeners listeners) {
    this.listing = listing;
    this.listeners = listeners;
  }

  /** A result that may be changed on its way, as the client may see it. */
  ObjectNode shown(Caller caller, Message.Request request, ObjectNode result) {
    boolean first = !request.params().has("cursor");
    boolean last = !result.path("nextCursor").isTextual();
    if (Listing.isGreeting(request.method(), caller.modern())) {
      offered.put(caller.entry().name(), ListKind.declare(result));
    }
    Optional<ListKind> kind = ListKind.listedBy(request.method());
    Optional<Spot.Origin> begun =
        kind.flatMap(_ -> listeners.begun(caller, request.method(), first));
    ObjectNode shown =
        listing.shown(caller.entry(), caller.viewer(), request.method(), result, first);
    if (last) {
      kind.ifPresent(it -> listeners.listed(caller, it, begun));
    } else {
      listeners.goesOn(caller, request.method(), begun);
    }
    return shown;
  }

  /** Passes on what is no request of the legacy era, and what comes of it. */
  void pass(Caller caller, Outgoing outgoing, Use use, Answer answer, Shaper shaper) {
    // With an event's id an answer that broke off is asked for, and no other stream is that.
    boolean resumes = answer.status() == 405 && outgoing.headers().containsKey(Headers.LAST_EVENT);
    if (outgoing instanceof Outgoing.Listen && !resumes) {
      Subscribed listened = new Subscribed(answer, Optional.empty(), SILENCE, room(caller));
      pass(caller, use, listened, shaper, Optional.empty());
    } else {
      Relay.pass(caller.exchange(), use, answer, shaper, Optional.empty(), Map.of());
    }
  }

  /** Passes on what a client subscribed to (2026-07-28). */
  void subscribe(Caller caller, Message.Request request, Use use, Answer answer, Shaper shaper) {
    Set<ListKind> kinds = ListKind.in(request.params().path("notifications"));
    kinds.retainAll(offered.getOrDefault(caller.entry().name(), mapped(caller.entry())));
    Subscribed.Wish wish = new Subscribed.Wish(request.id(), kinds);
    Subscribed subscribed = new Subscribed(answer, Optional.of(wish), SILENCE, room(caller));
    pass(caller, use, subscribed, shaper, Optional.of(request.id()));
  }

  private QuietStreams.Room room(Caller caller) {
    return quiet.of(caller.peer());
  }

  /** What there is at a server, as the catalogue has it. */
  private static Set<ListKind> mapped(UpstreamEntry entry) {
    Set<ListKind> mapped = EnumSet.noneOf(ListKind.class);
    if (!entry.tools().isEmpty()) {
      mapped.add(ListKind.TOOLS);
    }
    if (!entry.prompts().isEmpty()) {
      mapped.add(ListKind.PROMPTS);
    }
    if (!entry.resources().isEmpty()) {
      mapped.add(ListKind.RESOURCES);
    }
    return mapped;
  }

  private void pass(
      Caller caller, Use use, Subscribed answer, Shaper shaper, Optional<JsonNode> id) {
    Relay.pass(
        caller.exchange(),
        use,
        answer,
        shaper,
        id,
        Map.of(),
        sink -> new Listener(caller, use, id, answer, sink, listeners));
  }
}
