package io.exeat.gateway.mcp;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.exeat.gateway.jsonrpc.ErrorCode;
import java.io.IOException;
import java.time.Duration;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * A server's answer to a client that listens. Where the server has no such stream, a quiet one of
 * ours stands for it, for the gateway has something to tell in any case.
 */
final class Subscribed implements Answer {
  static final String ACKNOWLEDGED = "notifications/subscriptions/acknowledged";

  private static final Event STILL_THERE = new Event(List.of(":"));

  private final Answer theirs;
  private final Optional<Wish> wish;
  private final Duration silence;
  private final CountDownLatch closed = new CountDownLatch(1);
  private Optional<byte[]> whole = Optional.empty();
  private Optional<IOException> broken = Optional.empty();
  private final QuietStreams.Room room;
  private final AtomicBoolean left = new AtomicBoolean();
  private boolean quiet;
  private volatile Optional<Set<ListKind>> tells;

  /**
   * A {@code subscriptions/listen} of 2026-07-28.
   *
   * @param kinds that it asks for, and that there are at the server: that of the server's own
   *     acknowledgment what policy changes is not missing
   */
  record Wish(JsonNode id, Set<ListKind> kinds) {}

  /**
   * @param wish empty for the stream of a legacy session
   * @param silence after which a stream of ours shows that it stands
   * @param room for it; without any the server's answer passes
   */
  Subscribed(Answer theirs, Optional<Wish> wish, Duration silence, QuietStreams.Room room) {
    this.room = room;
    this.silence = silence;
    this.theirs = theirs;
    this.wish = wish;
    this.tells = wish.isPresent() ? Optional.empty() : Optional.of(ListKind.all());
  }

  /** What the client may be told of from now on; empty before it is acknowledged. */
  Optional<Set<ListKind>> tells() {
    return tells;
  }

  @Override
  public boolean isStream() {
    if (theirs.isStream()) {
      return true;
    }
    quiet = wish.map(this::isUnknown).orElse(theirs.status() == 405) && room.enter();
    if (quiet) {
      theirs.close();
    }
    return quiet;
  }

  /** Whether the server does not know how to listen. */
  private boolean isUnknown(Wish of) {
    try {
      byte[] said = theirs.whole();
      whole = Optional.of(said);
      int code = Trees.read(new String(said, UTF_8)).path("error").path("code").asInt();
      return code == ErrorCode.METHOD_NOT_FOUND && !of.kinds().isEmpty();
    } catch (JsonProcessingException e) {
      return false;
    } catch (IOException e) {
      broken = Optional.of(e);
      return false;
    }
  }

  @Override
  public Optional<Event> next() throws IOException {
    if (!quiet) {
      Optional<Event> event = theirs.next();
      return event.isPresent() ? Optional.of(acknowledged(event.get())) : event;
    }
    if (tells.isEmpty() && wish.isPresent()) {
      tells = Optional.of(wish.get().kinds());
      return Optional.of(ListKind.acknowledged(wish.get().id(), wish.get().kinds()));
    }
    try {
      if (!closed.await(silence.toMillis(), TimeUnit.MILLISECONDS)) {
        return Optional.of(STILL_THERE);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    throw new IOException("closed");
  }

  /** With what we tell in the server's place, if this is its acknowledgment. */
  private Event acknowledged(Event event) {
    if (tells.isPresent() || wish.isEmpty() || event.data().isEmpty()) {
      return event;
    }
    try {
      JsonNode message = Trees.read(event.data().get());
      if (!message.path("method").asText().equals(ACKNOWLEDGED)
          || !(message.path("params").path("notifications") instanceof ObjectNode honoured)) {
        return event;
      }
      Set<ListKind> already = ListKind.in(honoured);
      Set<ListKind> kinds = EnumSet.noneOf(ListKind.class);
      kinds.addAll(wish.get().kinds());
      tells = Optional.of(kinds);
      if (already.containsAll(kinds)) {
        return event;
      }
      ListKind.put(kinds, honoured);
      return event.with(new String(Replies.bytes(message), UTF_8));
    } catch (JsonProcessingException e) {
      return event; // whoever passes it on says what is to be said of it
    }
  }

  @Override
  public int status() {
    return quiet ? 200 : theirs.status();
  }

  @Override
  public Optional<String> session() {
    return theirs.session();
  }

  @Override
  public byte[] whole() throws IOException {
    if (broken.isPresent()) {
      throw broken.get();
    }
    return whole.isPresent() ? whole.get() : theirs.whole();
  }

  @Override
  public void close() {
    closed.countDown();
    theirs.close();
    if (quiet && !left.getAndSet(true)) {
      room.leave();
    }
  }
}
