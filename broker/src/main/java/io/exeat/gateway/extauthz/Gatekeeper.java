package io.exeat.gateway.extauthz;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.NullNode;
import io.exeat.attest.Peer;
import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import io.exeat.base.TaskId;
import io.exeat.envoy.auth.AttributeContext;
import io.exeat.envoy.auth.CheckResponse;
import io.exeat.flow.Judged;
import io.exeat.flow.ProxyRequests;
import io.exeat.flow.Use;
import io.exeat.gateway.jsonrpc.BadMessage;
import io.exeat.gateway.jsonrpc.ErrorCode;
import io.exeat.gateway.jsonrpc.Message;
import io.exeat.policy.Act;
import io.exeat.policy.Action;
import io.exeat.policy.Arguments;
import io.exeat.policy.CanonicalJson;
import io.exeat.task.UpstreamEntry;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;

/**
 * Decides about one request that an authenticated Envoy holds back. It reads the body itself; what
 * it cannot read, or does not know, does not go on.
 */
final class Gatekeeper {
  private final Callers callers;
  private final Function<String, Optional<UpstreamEntry>> upstreams;
  private final ProxyRequests flow;

  /**
   * @param upstreams the catalogue's of now, by name
   */
  Gatekeeper(
      Callers callers, Function<String, Optional<UpstreamEntry>> upstreams, ProxyRequests flow) {
    this.callers = callers;
    this.upstreams = upstreams;
    this.flow = flow;
  }

  CheckResponse answer(AttributeContext context) {
    if (!HttpAsk.isWhole(context)) {
      return Answers.tooLarge();
    }
    try {
      HttpAsk asked = HttpAsk.of(context);
      UpstreamEntry upstream = upstream(asked);
      Caller caller = new Caller(callers.of(asked), upstream, asked);
      return asked.isPlainHttp() ? plain(caller) : mcp(caller);
    } catch (FaultException e) {
      return Answers.refused(e.fault());
    }
  }

  /** Who asks for what. */
  private record Caller(Peer peer, UpstreamEntry upstream, HttpAsk asked) {}

  private UpstreamEntry upstream(HttpAsk asked) {
    UpstreamEntry upstream =
        upstreams
            .apply(asked.upstream())
            .orElseThrow(
                () -> denied("the route's exeat-upstream names no upstream of the catalogue"));
    if (upstream.pinned() && !asked.isPlainHttp()) {
      throw denied(
          "Envoy shows no answers here, so nobody holds the definitions of "
              + upstream.name()
              + " to their pins; use the MCP gateway, or say definitions: unsafe-any");
    }
    return upstream;
  }

  private static FaultException denied(String why) {
    return new FaultException(new Fault.Denied(why));
  }

  private TaskId task(Caller caller) {
    return flow.meant(caller.peer(), caller.asked().task());
  }

  private CheckResponse plain(Caller caller) {
    HttpAsk asked = caller.asked();
    UpstreamEntry.Item item =
        caller
            .upstream()
            .resource(asked.method() + ":" + asked.pathWithoutQuery())
            .orElseThrow(() -> denied("no such request is mapped in the catalogue"));
    var arguments =
        JsonNodeFactory.instance
            .objectNode()
            .put("method", asked.method())
            .put("path", asked.pathWithoutQuery())
            .put("query", asked.path().substring(asked.pathWithoutQuery().length()))
            .put("body_sha256", CanonicalJson.sha256(asked.body().toByteArray()));
    Act act = McpAct.act(Action.REQUEST, item, Arguments.of(arguments));
    try (Use use = flow.use(caller.peer(), task(caller), act)) {
      return permitted(caller, use).orElseThrow(() -> new FaultException(why(use.judged())));
    }
  }

  private CheckResponse mcp(Caller caller) {
    return switch (caller.asked().method()) {
      case "POST" -> post(caller);
      case "GET", "DELETE" -> stream(caller);
      default -> throw denied("MCP knows POST, GET and DELETE");
    };
  }

  /** The older revisions' stream of events, and the end of their session. */
  private CheckResponse stream(Caller caller) {
    if (!caller.asked().body().isEmpty()) {
      throw HttpAsk.malformed("body", "must not be there");
    }
    try (Use use = flow.look(caller.peer(), task(caller), McpAct.look(caller.upstream()).act())) {
      return permitted(caller, use).orElseThrow(() -> new FaultException(why(use.judged())));
    }
  }

  private CheckResponse post(Caller caller) {
    String type = caller.asked().header("content-type").orElse("").toLowerCase(Locale.ROOT);
    if (!type.split(";", 2)[0].strip().equals("application/json")) {
      throw HttpAsk.malformed("content-type", "must be application/json");
    }
    Message message;
    try {
      message = Message.of(caller.asked().body().toByteArray());
    } catch (BadMessage e) {
      refused(caller, e.words());
      return error(400, e.id(), e.code(), e.words());
    }
    JsonNode id =
        message instanceof Message.Request request ? request.id() : NullNode.getInstance();
    Optional<String> header = McpHeaders.problem(caller.asked(), message);
    if (header.isPresent()) {
      refused(caller, header.get() + " is not what the message says");
      return error(
          400, id, ErrorCode.HEADER_MISMATCH, header.get() + " is not what the message says");
    }
    return switch (McpAct.of(caller.upstream(), message)) {
      case McpAct.None it -> {
        refused(caller, it.text());
        yield error(it.http(), id, it.code(), it.text());
      }
      case McpAct.Looked it -> look(caller, id, it.act());
      case McpAct.Done it -> use(caller, id, it);
    };
  }

  /** Before anything was asked, so nobody else records it. */
  private void refused(Caller caller, String problem) {
    flow.refused(caller.peer(), Optional.empty(), new Fault.Malformed("message", problem));
  }

  private CheckResponse look(Caller caller, JsonNode id, Act act) {
    try (Use use = flow.look(caller.peer(), task(caller), act)) {
      return permitted(caller, use).orElseGet(() -> refused(id, why(use.judged())));
    } catch (FaultException e) {
      return refused(id, e.fault());
    }
  }

  private CheckResponse use(Caller caller, JsonNode id, McpAct.Done done) {
    try (Use use = flow.use(caller.peer(), task(caller), done.act())) {
      return permitted(caller, use).orElseGet(() -> refused(id, done, use.judged()));
    } catch (FaultException e) {
      return refused(id, done, e.fault());
    }
  }

  private static CheckResponse refused(JsonNode id, McpAct.Done done, Judged judged) {
    Fault fault = why(judged);
    return done.isTool() && Answers.status(fault) < 500
        ? Answers.toolError(id, Answers.text(fault), judged)
        : refused(id, done, fault);
  }

  private static CheckResponse refused(JsonNode id, McpAct.Done done, Fault fault) {
    int status = Answers.status(fault);
    if (!done.isTool() || status == 401) {
      return refused(id, fault);
    }
    // The model can read a result; that nobody could decide, it cannot do anything about.
    return status >= 500
        ? error(200, id, ErrorCode.INTERNAL_ERROR, Answers.text(fault))
        : Answers.toolError(id, Answers.text(fault));
  }

  private static CheckResponse refused(JsonNode id, Fault fault) {
    return error(Answers.status(fault), id, ErrorCode.INTERNAL_ERROR, Answers.text(fault));
  }

  private static CheckResponse error(int http, JsonNode id, int code, String text) {
    return Answers.error(http, id, code, text);
  }

  /** The answer to a permit; empty when there is none. */
  private static Optional<CheckResponse> permitted(Caller caller, Use use) {
    if (!use.isPermitted()) {
      return Optional.empty();
    }
    if (use.ended().isPresent()) {
      throw new FaultException(use.ended().get());
    }
    Map<String, String> injected = Injected.into(caller.upstream(), use);
    return Optional.of(Answers.permit(injected, use.judged().id().value()));
  }

  private static Fault why(Judged judged) {
    try {
      var _ = judged.orThrow();
      throw new IllegalStateException("it is a permit");
    } catch (FaultException e) {
      return e.fault();
    }
  }
}
