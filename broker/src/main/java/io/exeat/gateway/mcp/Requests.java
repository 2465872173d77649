package io.exeat.gateway.mcp;

import com.fasterxml.jackson.databind.JsonNode;
import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import io.exeat.flow.ProxyRequests;
import io.exeat.flow.Use;
import io.exeat.gateway.jsonrpc.BadMessage;
import io.exeat.gateway.jsonrpc.DecisionMeta;
import io.exeat.gateway.jsonrpc.ErrorCode;
import io.exeat.gateway.jsonrpc.Message;
import io.exeat.policy.Act;
import io.exeat.policy.Action;
import io.exeat.policy.Decision;
import io.exeat.task.UpstreamEntry;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;

/** The story of one request: what it comes to, may it, then pass it on and its answer back. */
final class Requests {
  private final ProxyRequests flow;
  private final Upstream upstreams;
  private final Sessions sessions;
  private final Definitions definitions;
  private final Listening listening;
  private final Lookup lookup;

  Requests(
      ProxyRequests flow,
      Upstream upstreams,
      Sessions sessions,
      Definitions definitions,
      Listening listening) {
    this.flow = flow;
    this.upstreams = upstreams;
    this.sessions = sessions;
    this.definitions = definitions;
    this.listening = listening;
    this.lookup = new Lookup(flow, upstreams, definitions);
  }

  void serve(Caller caller, Message.Request request) {
    switch (Plan.of(caller.entry(), request, caller.modern())) {
      case Plan.NoMethod _ ->
          throw new BadMessage(ErrorCode.METHOD_NOT_FOUND, request.id(), "Method not found");
      case Plan.Hidden hidden -> hidden(caller, request, hidden.unknown(), hidden.recorded());
      case Plan.Look look -> look(caller, request, look.act());
      case Plan.Do plan -> act(caller, request, plan.acts());
    }
  }

  private void hidden(Caller caller, Message.Request request, String unknown, String recorded) {
    refused(caller, "params", recorded);
    answer(caller, unknown(request, unknown));
  }

  /** Before anything was asked, so nobody else records it. */
  void refused(Caller caller, String field, String problem) {
    flow.refused(caller.peer(), Optional.of(caller.task()), new Fault.Malformed(field, problem));
  }

  private void look(Caller caller, Message.Request request, Act act) {
    try (Use use = flow.look(caller.peer(), caller.task(), act)) {
      if (use.isPermitted()) {
        pass(caller, request, use, Optional.empty());
      } else {
        answer(caller, internal(request, reason(use)));
      }
    }
  }

  private void act(Caller caller, Message.Request request, List<Act> acts) {
    if (request.method().equals("tools/call")) {
      Optional<String> unknown = checkTool(caller, request);
      if (unknown.isPresent()) {
        hidden(caller, request, unknown.get(), unknown.get());
        return;
      }
    }
    List<Use> uses = new ArrayList<>();
    try {
      for (Act act : acts) {
        Use use = flow.use(caller.peer(), caller.task(), act);
        uses.add(use);
        if (!use.isPermitted()) {
          answer(caller, denied(caller, request, act, use));
          return;
        }
      }
      Consumer<String> onAnswer = sha256 -> uses.forEach(use -> use.answered(sha256));
      pass(caller, request, uses.getFirst(), Optional.of(onAnswer));
    } catch (FaultException e) {
      answer(caller, refused(caller, request, e.fault()));
    } finally {
      uses.forEach(Use::close);
    }
  }

  /** What to say of a tool that is not there as it should be; empty when it is. */
  private Optional<String> checkTool(Caller caller, Message.Request request) {
    UpstreamEntry entry = caller.entry();
    String name = request.text("name").orElse("");
    if (!entry.pinned() && !caller.modern()) {
      return Optional.empty();
    }
    lookup.know(caller, request);
    Optional<Definitions.Definition> seen = definitions.at(caller.place(), name);
    if (!definitions.isApproved(entry, name, seen)) {
      return Optional.of("Unknown tool: " + name);
    }
    if (seen.isPresent()) {
      ArgumentNames.check(request, seen.get().schema());
      if (caller.modern()) {
        ParamHeaders.check(caller.exchange().headers(), request, seen.get().schema());
      }
    }
    return Optional.empty();
  }

  private void pass(
      Caller caller, Message.Request request, Use use, Optional<Consumer<String>> onAnswer) {
    Outgoing ask = new Outgoing.Post(caller.theirs(), caller.headers(), request);
    Answer answer = Sending.send(upstreams, caller, use, ask);
    Map<String, String> headers = Map.of();
    if (!caller.modern() && request.method().equals("initialize") && answer.status() == 200) {
      var session = sessions.begin(caller.entry().name(), use.epoch(), answer.session());
      headers = Map.of(Headers.SESSION, session.id());
    } else if (answer.status() == 404) {
      caller.session().ifPresent(gone -> sessions.end(gone.id()));
    }
    Shaper shaper = shaper(caller, request, use, onAnswer);
    if (caller.modern() && request.method().equals("subscriptions/listen")) {
      listening.subscribe(caller, request, use, answer, shaper);
      return;
    }
    Relay.pass(caller.exchange(), use, answer, shaper, Optional.of(request.id()), headers);
  }

  private Shaper shaper(
      Caller caller, Message.Request request, Use use, Optional<Consumer<String>> onAnswer) {
    return new Shaper(
        Scrubber.of(use.credential()),
        Optional.of(request.id()),
        Listing.results(request.method(), caller.modern()),
        result -> listening.shown(caller, request, result),
        () -> definitions.changed(caller.entry().name()),
        onAnswer);
  }

  /** What was decided is no permit. */
  private byte[] denied(Caller caller, Message.Request request, Act act, Use use) {
    if (use.judged().decision() instanceof Decision.Failed) {
      return internal(request, reason(use));
    }
    if (!isVisible(caller, act)) {
      return unknown(request, nameOf(request));
    }
    String why = reason(use) + " (decision " + use.judged().id() + ")";
    return request.method().equals("tools/call")
        ? Replies.refusal(request.id(), why, use.judged(), caller.modern())
        : Replies.error(request.id(), ErrorCode.INVALID_PARAMS, why);
  }

  private boolean isVisible(Caller caller, Act act) {
    UpstreamEntry.Item item =
        new UpstreamEntry.Item(act.tool().orElse(""), act.grant().orElse(""), Optional.empty());
    Action action = act.action();
    return flow.foresee(caller.peer(), caller.task(), List.of(Plan.bare(item, action))).stream()
        .allMatch(Listing::isVisible);
  }

  /** The act could not even be decided on, or what it needs could not be had. */
  private static byte[] refused(Caller caller, Message.Request request, Fault fault) {
    return switch (fault) {
      case Fault.OutOfScope _, Fault.OutsideCeiling _ -> unknown(request, nameOf(request));
      case Fault.Denied _,
          Fault.Exhausted _,
          Fault.EpochClosed _,
          Fault.ScopeChanging _,
          Fault.TaskEnded _,
          Fault.NoSuchCredential _ ->
          request.method().equals("tools/call")
              ? Replies.refusal(request.id(), Relay.words(fault), caller.modern())
              : internal(request, Relay.words(fault));
      default -> throw new FaultException(fault);
    };
  }

  private static String reason(Use use) {
    return switch (use.judged().decision()) {
      case Decision.Permit _ -> "permitted";
      case Decision.Ask it ->
          "it needs the approval of "
              + String.join(" and ", it.approvers())
              + "; call again once it has it, and not before "
              + DecisionMeta.ASK_AGAIN.toSeconds()
              + " s from now";
      case Decision.Deny it -> "denied: " + it.reason();
      case Decision.Failed it -> "policy cannot be asked: " + it.problem();
    };
  }

  private static String nameOf(Message.Request request) {
    return switch (request.method()) {
      case "tools/call" -> "Unknown tool: " + request.text("name").orElse("");
      case "prompts/get" -> "Unknown prompt: " + request.text("name").orElse("");
      default -> "Unknown resource: " + request.text("uri").orElse("");
    };
  }

  private static byte[] unknown(Message.Request request, String what) {
    return Replies.error(request.id(), ErrorCode.INVALID_PARAMS, what);
  }

  private static byte[] internal(Message.Request request, String why) {
    return Replies.error(request.id(), ErrorCode.INTERNAL_ERROR, "Internal error: " + why);
  }

  private static void answer(Caller caller, byte[] json) {
    int status = 200;
    if (caller.modern()) {
      JsonNode code = Replies.code(json);
      status = code.isInt() ? Replies.status(code.intValue()) : 200;
    }
    caller.exchange().answer(status, Relay.JSON, json);
  }
}
