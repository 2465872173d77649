package io.exeat.gateway.mcp;

import com.fasterxml.jackson.databind.node.NullNode;
import io.exeat.attest.Peer;
import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import io.exeat.base.RequestId;
import io.exeat.base.TaskId;
import io.exeat.base.Time;
import io.exeat.flow.ProxyRequests;
import io.exeat.flow.Use;
import io.exeat.gateway.jsonrpc.BadMessage;
import io.exeat.gateway.jsonrpc.ErrorCode;
import io.exeat.gateway.jsonrpc.Message;
import io.exeat.task.UpstreamEntry;
import java.util.Map;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What the gateway's doors lead to: MCP's Streamable HTTP, of the legacy era with sessions (up to
 * 2025-11-25) and of the modern one without (2026-07-28), at {@code /<upstream>/mcp} or {@code
 * /t/<task>/<upstream>/mcp}. The era is passed through; nothing is translated.
 */
public final class Gateway {
  private static final Logger LOG = LoggerFactory.getLogger(Gateway.class);
  private static final byte[] NOTHING = {};

  private final InForce inForce;
  private final ProxyRequests flow;
  private final Upstream upstreams;
  private final Sessions sessions = new Sessions();
  private final Definitions definitions;
  final Listeners listeners;
  private final Listening listening;
  private final Requests requests;

  /**
   * @param upstreams to every kind of server
   */
  public Gateway(InForce inForce, ProxyRequests flow, Upstream upstreams, Time time) {
    this.inForce = inForce;
    this.flow = flow;
    this.upstreams = upstreams;
    this.definitions = new Definitions(time);
    Listing listing = new Listing(flow, definitions);
    this.listeners = new Listeners(inForce, flow, sessions, definitions, listing, time);
    this.listening = new Listening(listing, listeners);
    this.requests = new Requests(flow, upstreams, sessions, definitions, listening);
  }

  /** What hides tools that the catalogue maps, by the key that would change it. */
  public Map<String, String> pending() {
    return definitions.pending();
  }

  /** Tells the clients that listen whose lists are others now; to be called about once a second. */
  public void look() {
    listeners.look();
  }

  /** Serves one request. Whatever happens, it is answered. */
  void serve(Exchange exchange) {
    try {
      Hosts.check(exchange.headers());
      Route route = Route.of(exchange.path());
      UpstreamEntry entry = inForce.catalogue().get().upstreams().get(route.upstream());
      if (entry == null) {
        exchange.answer(404, Map.of(), NOTHING);
        return;
      }
      switch (exchange.method()) {
        case "POST" -> post(exchange, route, entry);
        case "GET" -> listen(exchange, route, entry);
        case "DELETE" -> end(exchange, route, entry);
        default -> exchange.answer(405, Map.of("allow", "GET, POST, DELETE"), NOTHING);
      }
    } catch (Refusal e) {
      if (e.status() == 403) {
        refused(exchange, "host", "must be this machine, and so must a page's origin");
      }
      exchange.answer(e.status(), Map.of(), NOTHING);
    } catch (BadMessage e) {
      refused(exchange, "message", e.words());
      exchange.answer(
          e.code() == ErrorCode.METHOD_NOT_FOUND ? 404 : 400, Relay.JSON, Replies.error(e));
    } catch (FaultException e) {
      refuse(exchange, e);
    } catch (RuntimeException e) {
      RequestId request = RequestId.random();
      LOG.error("request {}: a defect of ours", request, e);
      refuse(exchange, new FaultException(new Fault.Bug(request)));
    }
  }

  /** Nothing was asked for yet, so nobody else records it. */
  private void refused(Exchange exchange, String field, String problem) {
    refused(exchange.peer(), new Fault.Malformed(field, problem));
  }

  /** A door refused what it could not read, before there was a request to serve. */
  void refused(Peer peer, Fault fault) {
    flow.refused(peer, Optional.empty(), fault);
  }

  private void post(Exchange exchange, Route route, UpstreamEntry entry) {
    Headers headers = exchange.headers();
    if (!headers.has("content-type", "application/json")) {
      throw new Refusal(415);
    }
    if (!headers.has("accept", "application/json") || !headers.has("accept", "text/event-stream")) {
      throw new Refusal(406);
    }
    Message message = Message.of(exchange.body());
    boolean modern = ModernRules.isModern(headers, message);
    if (modern && message instanceof Message.Request request) {
      ModernRules.check(headers, request);
      Optional<String> other = ModernRules.unsupported(request);
      if (other.isPresent()) {
        exchange.answer(400, Relay.JSON, Replies.unsupported(request.id(), other.get()));
        return;
      }
    }
    Caller caller = caller(exchange, route, entry, modern);
    switch (message) {
      case Message.Request request -> request(caller, request);
      case Message.Notification notice -> notice(caller, notice);
      case Message.Response response -> response(caller, response);
    }
  }

  /** In the legacy era an unknown method is an answer, in the modern one an HTTP status too. */
  private void request(Caller caller, Message.Request request) {
    try {
      requests.serve(caller, request);
    } catch (BadMessage e) {
      requests.refused(caller, "message", e.words());
      int status = caller.modern() ? Replies.status(e.code()) : 200;
      caller
          .exchange()
          .answer(status, Relay.JSON, Replies.error(request.id(), e.code(), e.words()));
    } catch (FaultException e) {
      if (e.fault() instanceof Fault.Malformed f && !f.field().equals("task")) {
        String why = "Invalid params: " + f.field() + " " + f.problem();
        requests.refused(caller, f.field(), f.problem());
        byte[] json = Replies.error(request.id(), ErrorCode.INVALID_PARAMS, why);
        caller.exchange().answer(caller.modern() ? 400 : 200, Relay.JSON, json);
        return;
      }
      endWith(caller, e);
      refuse(caller.exchange(), e, Optional.of(request));
    }
  }

  /** A notice is not answered, so nobody would hear that it was not passed on. */
  private void notice(Caller caller, Message.Notification notice) {
    if (!Plan.NOTICES.contains(notice.method())) {
      throw new BadMessage(ErrorCode.METHOD_NOT_FOUND, "Method not found");
    }
    if (caller.modern()) {
      caller.exchange().answer(202, Map.of(), NOTHING); // there, closing the stream cancels
      return;
    }
    forward(caller, notice.method(), new Outgoing.Post(caller.theirs(), caller.headers(), notice));
  }

  private void response(Caller caller, Message.Response response) {
    if (caller.modern()) {
      throw new BadMessage(
          ErrorCode.INVALID_REQUEST, "Invalid Request: a client sends no responses");
    }
    forward(caller, "response", new Outgoing.Post(caller.theirs(), caller.headers(), response));
  }

  private void listen(Exchange exchange, Route route, UpstreamEntry entry) {
    requireLegacy(exchange);
    if (!exchange.headers().has("accept", "text/event-stream")) {
      throw new Refusal(406);
    }
    Caller caller = caller(exchange, route, entry, false);
    forward(caller, "listen", new Outgoing.Listen(caller.theirs(), caller.headers()));
  }

  private void end(Exchange exchange, Route route, UpstreamEntry entry) {
    requireLegacy(exchange);
    Caller caller = caller(exchange, route, entry, false);
    if (caller.session().isEmpty()) {
      throw new Refusal(405);
    }
    forward(caller, "end", new Outgoing.End(caller.theirs(), caller.headers()));
    sessions.end(caller.session().get().id());
  }

  private static void requireLegacy(Exchange exchange) {
    if (exchange.headers().one(Headers.VERSION).equals(Optional.of(Replies.PROTOCOL_VERSION))) {
      throw new Refusal(405);
    }
  }

  private void forward(Caller caller, String what, Outgoing outgoing) {
    try (Use use = flow.look(caller.peer(), caller.task(), Plan.look(caller.entry(), what))) {
      use.judged().orThrow();
      Answer answer = Sending.send(upstreams, caller, use, outgoing);
      if (answer.status() == 404) {
        caller.session().ifPresent(gone -> sessions.end(gone.id()));
      }
      Shaper shaper =
          new Shaper(
              Scrubber.of(use.credential()),
              Optional.empty(),
              Shaper.Results.KEPT,
              it -> it,
              () -> definitions.changed(caller.entry().name()),
              Optional.empty());
      listening.pass(caller, outgoing, use, answer, shaper);
    } catch (FaultException e) {
      endWith(caller, e);
      throw e;
    }
  }

  private Caller caller(Exchange exchange, Route route, UpstreamEntry entry, boolean modern) {
    Headers headers = exchange.headers();
    Optional<Sessions.Session> session = Optional.empty();
    if (!modern) {
      Optional<String> id = headers.one(Headers.SESSION);
      session = id.flatMap(it -> sessions.find(it, entry.name()));
      if (id.isPresent() && session.isEmpty()) {
        throw new Refusal(404);
      }
    }
    Optional<TaskId> named = route.task().or(() -> headers.one(Headers.TASK).map(TaskId::new));
    Optional<TaskId> bound = session.map(Sessions.Session::task);
    if (named.isPresent() && bound.isPresent() && !named.equals(bound)) {
      throw new Refusal(404);
    }
    Peer peer = exchange.peer();
    TaskId task;
    try {
      task = flow.meant(peer, bound.or(() -> named));
    } catch (FaultException e) {
      if (bound.isPresent() && e.fault() instanceof Fault.NoSuchTask) {
        throw new Refusal(404);
      }
      throw e;
    }
    upstreams.require(entry, peer);
    return new Caller(exchange, peer, entry, task, session, headers.mirrored(modern), modern);
  }

  /** A session does not outlive its task; its client begins another one. */
  private void endWith(Caller caller, FaultException e) {
    if (e.fault() instanceof Fault.TaskEnded ended) {
      sessions.endAll(ended.task());
      if (caller.session().isPresent()) {
        throw new Refusal(404);
      }
    }
  }

  private static void refuse(Exchange exchange, FaultException e) {
    refuse(exchange, e, Optional.empty());
  }

  private static void refuse(
      Exchange exchange, FaultException e, Optional<Message.Request> request) {
    if (e.getCause() != null) {
      LOG.info("{}", e.fault(), e.getCause());
    }
    int code =
        switch (e.fault()) {
          case Fault.Malformed _, Fault.NoSuchTask _, Fault.TaskEnded _, Fault.Unattested _ ->
              ErrorCode.INVALID_REQUEST;
          default -> ErrorCode.INTERNAL_ERROR;
        };
    int status =
        switch (e.fault()) {
          case Fault.Unattested _ -> 401;
          case Fault.Malformed _, Fault.NoSuchTask _, Fault.TaskEnded _ -> 400;
          default -> request.isPresent() ? 200 : 503;
        };
    String words =
        (e.fault() instanceof Fault.Malformed f && f.field().equals("task"))
            ? "header Exeat-Task " + f.problem()
            : Relay.words(e.fault());
    exchange.answer(
        status,
        Relay.JSON,
        Replies.error(
            request.map(Message.Request::id).orElse(NullNode.getInstance()), code, words));
  }
}
