package io.exeat.gateway.mcp.stdio;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.exeat.attest.Peer;
import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import io.exeat.base.Time;
import io.exeat.flow.Use;
import io.exeat.gateway.jsonrpc.Message;
import io.exeat.gateway.mcp.Answer;
import io.exeat.gateway.mcp.Event;
import io.exeat.gateway.mcp.Outgoing;
import io.exeat.gateway.mcp.Upstream;
import io.exeat.task.UpstreamEntry;
import java.io.IOException;
import java.util.Optional;

/**
 * Tool servers as processes of the broker's, spoken to in lines (specification 2026-07-28, stdio).
 *
 * <p>The credential reaches a server by its environment, by a file in memory that only the server's
 * user can read, or by libpq's files; never by its command line. The agent cannot read the server's
 * environment or memory because the server runs as another user.
 */
public final class StdioUpstream implements Upstream {
  private static final String INITIALIZE = "initialize";

  private final Servers servers;

  public StdioUpstream(Time time) {
    this.servers = new Servers(time);
  }

  @Override
  public void require(UpstreamEntry entry, Peer peer) {
    if (entry.server() instanceof UpstreamEntry.Server.Command command
        && peer instanceof Peer.Local agent
        && servers.user(command) instanceof RunAs.Other other
        && other.uid() == agent.uid()) {
      throw new FaultException(
          new Fault.Denied(
              "the server of upstream "
                  + entry.name()
                  + " runs as the agent's own user (uid "
                  + agent.uid()
                  + "), which could read its credential; its entry must name another user"));
    }
  }

  @Override
  public Answer send(UpstreamEntry entry, Use use, Outgoing ask) {
    return switch (ask) {
      case Outgoing.Post post -> post(entry, use, post);
      case Outgoing.Listen it ->
          it.session().isEmpty()
              ? new PlainAnswer(405)
              : session(entry, use, it)
                  .<Answer>map(found -> ExchangeAnswer.stream(found.listen()))
                  .orElseGet(() -> new PlainAnswer(404));
      case Outgoing.End it -> {
        if (session(entry, use, it).isEmpty()) {
          yield new PlainAnswer(it.session().isEmpty() ? 405 : 404);
        }
        it.session().ifPresent(id -> servers.end(entry, use, id));
        yield new PlainAnswer(204);
      }
    };
  }

  private Optional<Conversation> session(UpstreamEntry entry, Use use, Outgoing ask) {
    return ask.session().flatMap(id -> servers.session(entry, use, id));
  }

  private Answer post(UpstreamEntry entry, Use use, Outgoing.Post post) {
    if (post.message() instanceof Message.Request request && request.method().equals(INITIALIZE)) {
      return begin(entry, use, request);
    }
    Optional<Conversation> conversation =
        post.session().isEmpty()
            ? Optional.of(servers.stateless(entry, use))
            : session(entry, use, post);
    if (conversation.isEmpty()) {
      return new PlainAnswer(404);
    }
    if (!(post.message() instanceof Message.Request request)) {
      conversation.get().tell(json(post.message()));
      return new PlainAnswer(202);
    }
    return ExchangeAnswer.to(
        conversation.get().ask(json(request)),
        Optional.empty(),
        entry.timeout(),
        post.session().isEmpty());
  }

  private Answer begin(UpstreamEntry entry, Use use, Message.Request request) {
    Servers.Named session = servers.open(entry, use);
    try {
      ExchangeAnswer answer =
          ExchangeAnswer.to(
              session.conversation().ask(json(request)),
              Optional.of(session.id()),
              entry.timeout(),
              false);
      if (answer.isError()) {
        servers.end(entry, use, session.id());
      }
      return answer;
    } catch (RuntimeException e) {
      servers.end(entry, use, session.id());
      throw e;
    }
  }

  /** The judged message once more as a tree, to be given an id of ours. */
  private static ObjectNode json(Message message) {
    try {
      return (ObjectNode) Conversation.JSON.readTree(message.bytes());
    } catch (IOException e) {
      throw new IllegalStateException("a message that was read cannot be read again", e);
    }
  }

  @Override
  public void close() {
    servers.close();
  }

  /** A status and nothing more. */
  private record PlainAnswer(int status) implements Answer {
    @Override
    public Optional<String> session() {
      return Optional.empty();
    }

    @Override
    public boolean isStream() {
      return false;
    }

    @Override
    public byte[] whole() {
      return new byte[0];
    }

    @Override
    public Optional<Event> next() {
      return Optional.empty();
    }

    @Override
    public void close() {}
  }
}
