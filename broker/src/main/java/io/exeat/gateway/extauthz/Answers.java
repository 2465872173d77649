package io.exeat.gateway.extauthz;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.exeat.base.Fault;
import io.exeat.envoy.auth.CheckResponse;
import io.exeat.envoy.auth.DeniedHttpResponse;
import io.exeat.envoy.auth.HeaderValue;
import io.exeat.envoy.auth.HeaderValueOption;
import io.exeat.envoy.auth.HeaderValueOption.HeaderAppendAction;
import io.exeat.envoy.auth.HttpStatus;
import io.exeat.envoy.auth.OkHttpResponse;
import io.exeat.envoy.auth.RpcStatus;
import io.exeat.flow.Judged;
import io.exeat.gateway.Faults;
import io.exeat.gateway.jsonrpc.DecisionMeta;
import io.grpc.Status;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/** What Envoy is told. Dynamic metadata stays empty: it ends up in logs. */
final class Answers {
  /** In the answer to the agent: under which the audit chain has the decision. */
  static final String DECISION = "exeat-decision";

  /**
   * Never for the upstream: what names the agent or its task to us, and what makes an upstream read
   * the request as another one than was judged.
   */
  private static final List<String> REMOVED =
      List.of(
          HttpAsk.TASK,
          "authorization",
          "proxy-authorization",
          "x-http-method",
          "x-http-method-override",
          "x-method-override",
          "x-original-url",
          "x-rewrite-url");

  private Answers() {}

  /** The request goes on with {@code injected}, which take the place of what the agent sent. */
  static CheckResponse permit(Map<String, String> injected, String decision) {
    Set<String> removed = new LinkedHashSet<>(REMOVED);
    OkHttpResponse.Builder ok = OkHttpResponse.newBuilder();
    injected.forEach((name, value) -> {
      removed.remove(name.toLowerCase(Locale.ROOT)); // Envoy removes after it has set
      ok.addHeaders(header(name, value));
    });
    ok.addAllHeadersToRemove(removed).addResponseHeadersToAdd(header(DECISION, decision));
    return CheckResponse.newBuilder()
        .setStatus(RpcStatus.newBuilder().setCode(Status.Code.OK.value()))
        .setOkResponse(ok)
        .build();
  }

  /** JSON-RPC's error in place of the upstream's answer. */
  static CheckResponse error(int http, JsonNode id, int code, String text) {
    ObjectNode answer = answer(id);
    answer.putObject("error").put("code", code).put("message", text);
    return json(http, answer);
  }

  /** A tool's result that says why it was not called: the model reads it. */
  static CheckResponse toolError(JsonNode id, String text) {
    return toolError(id, text, JsonNodeFactory.instance.objectNode());
  }

  /** The same of one that was decided on, with what a program needs of the decision. */
  static CheckResponse toolError(JsonNode id, String text, Judged judged) {
    return toolError(id, text, DecisionMeta.of(judged));
  }

  private static CheckResponse toolError(JsonNode id, String text, ObjectNode meta) {
    ObjectNode answer = answer(id);
    ObjectNode result = answer.putObject("result");
    result.put("resultType", "complete"); // older revisions pass over it
    result.putArray("content").addObject().put("type", "text").put("text", text);
    result.put("isError", true);
    if (!meta.isEmpty()) {
      result.set("_meta", meta);
    }
    return json(200, answer);
  }

  private static ObjectNode answer(JsonNode id) {
    ObjectNode answer = JsonNodeFactory.instance.objectNode();
    answer.put("jsonrpc", "2.0");
    answer.set("id", id);
    return answer;
  }

  private static CheckResponse json(int http, ObjectNode answer) {
    return denied(http, "application/json", answer.toString());
  }

  /** A refusal where there is no message to answer. */
  static CheckResponse refused(Fault fault) {
    return denied(status(fault), "text/plain; charset=utf-8", text(fault) + "\n");
  }

  /** The body did not come whole. */
  static CheckResponse tooLarge() {
    return denied(
        413,
        "text/plain; charset=utf-8",
        "the body is larger than Envoy hands over (with_request_body: max_request_bytes,"
            + " pack_as_bytes), so nobody has read it whole\n");
  }

  private static CheckResponse denied(int http, String type, String body) {
    return CheckResponse.newBuilder()
        .setStatus(RpcStatus.newBuilder().setCode(Status.Code.PERMISSION_DENIED.value()))
        .setDeniedResponse(
            DeniedHttpResponse.newBuilder()
                .setStatus(HttpStatus.newBuilder().setCode(http))
                .addHeaders(header("content-type", type))
                .addHeaders(header("cache-control", "no-store"))
                .setBody(body))
        .build();
  }

  private static HeaderValueOption header(String name, String value) {
    return HeaderValueOption.newBuilder()
        .setHeader(HeaderValue.newBuilder().setKey(name).setValue(value))
        .setAppendAction(HeaderAppendAction.OVERWRITE_IF_EXISTS_OR_ADD)
        .build();
  }

  /** For people; of the fault's own fields alone. */
  static String text(Fault fault) {
    return String.valueOf(Faults.toGrpc(fault).getStatus().getDescription());
  }

  static int status(Fault fault) {
    return switch (fault) {
      case Fault.Unattested _ -> 401;
      case Fault.Malformed _ -> 400;
      case Fault.NoSuchTask _,
          Fault.NoSuchCredential _,
          Fault.NoSuchApproval _,
          Fault.TaskEnded _,
          Fault.EpochClosed _,
          Fault.OutOfScope _,
          Fault.OutsideCeiling _,
          Fault.IdempotencyConflict _,
          Fault.Denied _ ->
          403;
      case Fault.Exhausted _ -> 429;
      case Fault.ScopeChanging _, Fault.Unavailable _, Fault.NotServing _ -> 503;
      case Fault.Bug _ -> 500;
    };
  }
}
