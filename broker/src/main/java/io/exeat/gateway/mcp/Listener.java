package io.exeat.gateway.mcp;

import com.fasterxml.jackson.databind.JsonNode;
import io.exeat.base.Fault;
import io.exeat.flow.Use;
import java.io.IOException;
import java.util.EnumSet;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.locks.ReentrantLock;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One client's open stream: the server's events and, each between two of them, our own. What is to
 * be told to a client that does not read is kept as what it is about, and no more of it.
 */
final class Listener implements Exchange.Sink {
  private static final Logger LOG = LoggerFactory.getLogger(Listener.class);

  private final Caller caller;
  private final Use use;
  private final Optional<JsonNode> subscription;
  private final Subscribed answer;
  private final Exchange.Sink sink;
  private final Listeners all;

  /**
   * Held while an event goes out, and so for as long as the sink waits for the client; by this
   * stream's two threads alone, under no other lock.
   */
  private final ReentrantLock writing = new ReentrantLock();

  private final Set<ListKind> untold = EnumSet.noneOf(ListKind.class);
  private boolean telling;
  private boolean joined;
  private boolean over;

  /**
   * @param subscription the id of the request that opened it; empty for a legacy stream
   * @param all which are to be told, once they may be
   */
  Listener(
      Caller caller,
      Use use,
      Optional<JsonNode> subscription,
      Subscribed answer,
      Exchange.Sink sink,
      Listeners all) {
    this.caller = caller;
    this.use = use;
    this.subscription = subscription;
    this.answer = answer;
    this.sink = sink;
    this.all = all;
    join();
  }

  Caller caller() {
    return caller;
  }

  /** An event of the server's; from its acknowledgment on there may be others after it. */
  @Override
  public void send(byte[] event) throws IOException {
    writing.lock();
    try {
      lastWords();
      sink.send(event);
    } finally {
      writing.unlock();
    }
    join();
  }

  private void join() {
    if (!joined && answer.tells().isPresent()) {
      joined = true;
      all.join(this);
    }
  }

  @Override
  public void close() {
    writing.lock();
    try {
      lastWords();
    } finally {
      over = true;
      writing.unlock();
      all.leave(this);
      sink.close();
    }
  }

  /** What it is done under has ended, and so has the stream; whoever has it is to hear no more. */
  void end() {
    answer.close();
  }

  /** Has the client told that these lists are others now. Returns at once. */
  void tell(Set<ListKind> changed) {
    synchronized (untold) {
      untold.addAll(changed);
      if (telling) {
        return;
      }
      telling = true;
    }
    Thread.ofVirtual().name("list changed").start(this::tellAll);
  }

  private void tellAll() {
    for (Set<ListKind> kinds = next(); !kinds.isEmpty(); kinds = next()) {
      boolean told = false;
      try {
        told = isTold(kinds);
      } catch (IOException e) {
        LOG.debug("The agent has gone", e);
      } catch (RuntimeException | Error e) { // or nobody would tell this client any more
        LOG.error("Telling a client that lists changed failed", e);
      } finally {
        if (!told) {
          all.untold(this, kinds);
        }
      }
    }
  }

  private boolean isTold(Set<ListKind> kinds) throws IOException {
    writing.lock();
    try {
      if (over || use.ended().isPresent()) {
        return false;
      }
      say(kinds);
      return true;
    } finally {
      writing.unlock();
    }
  }

  /** What is untold; with nothing, telling is over. */
  private Set<ListKind> next() {
    synchronized (untold) {
      Set<ListKind> kinds = EnumSet.copyOf(untold);
      untold.clear();
      telling = !kinds.isEmpty();
      return kinds;
    }
  }

  /** Of these what the client wants to hear. */
  private void say(Set<ListKind> kinds) throws IOException {
    Set<ListKind> tells = answer.tells().orElse(Set.of());
    for (ListKind kind : kinds) {
      if (tells.contains(kind)) {
        sink.send(kind.changed(subscription).bytes());
      }
    }
  }

  /** The stream ends with its epoch; in the next one other things are there. */
  private void lastWords() {
    boolean ends = use.ended().filter(Fault.EpochClosed.class::isInstance).isPresent();
    if (over || !joined || !ends) {
      return;
    }
    over = true;
    try {
      say(all.lastWords(this));
    } catch (IOException e) {
      LOG.debug("The agent has gone", e);
    }
  }
}
