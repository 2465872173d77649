package io.exeat.gateway.extauthz;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import io.exeat.attest.Peer;
import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import io.exeat.base.TaskId;
import io.exeat.envoy.auth.AttributeContext;
import io.exeat.envoy.auth.CheckRequest;
import io.exeat.envoy.auth.CheckResponse;
import io.exeat.flow.ProxyRequests;
import io.exeat.flow.Standing;
import io.exeat.flow.Use;
import io.exeat.identity.IdPattern;
import io.exeat.policy.Act;
import io.exeat.policy.Decision;
import io.exeat.task.UpstreamEntry;
import java.net.URI;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Answers made-up requests, so that the first real ones do not pay for loading this door's classes:
 * Envoy waits for an answer for as long as its configuration says, which may be shorter than that.
 */
final class WarmUp {
  private static final int ROUNDS = 200;

  private final int answers;

  private WarmUp(int answers) {
    this.answers = answers;
  }

  /** How many made-up requests were answered. */
  int answers() {
    return answers;
  }

  /**
   * Returns when all are answered; what it returns is the proof of that, and the door opens for no
   * less.
   *
   * @throws IllegalStateException when one was answered otherwise than expected
   */
  static WarmUp run(IdPattern agents) {
    UpstreamEntry upstream =
        new UpstreamEntry(
            "warm-up",
            "warm-up",
            new UpstreamEntry.Server.Url(
                URI.create("http://127.0.0.1/"), Optional.empty(), Optional.empty(), Map.of()),
            false,
            Duration.ofSeconds(1),
            Map.of("a", new UpstreamEntry.Item("warm-up.a", "warm-up", Optional.empty())),
            Map.of(),
            Map.of());
    Gatekeeper gatekeeper =
        new Gatekeeper(
            new Callers(agents, Optional.empty()), name -> Optional.of(upstream), new Nobody());
    byte[] request =
        request(
            agents.text().replace("/*", "/x"),
            "{\"arguments\":{\"a\":{\"b\":[1]}},\"name\":\"a\"}");
    int answers = 0;
    while (answers < ROUNDS) {
      try {
        CheckResponse answer = gatekeeper.answer(CheckRequest.parseFrom(request).getAttributes());
        if (answer.getDeniedResponse().getStatus().getCode() != 200) {
          throw new IllegalStateException("warming up went another way: " + answer);
        }
        answers++;
      } catch (InvalidProtocolBufferException e) {
        throw new IllegalStateException("what was written can be read", e);
      }
    }
    return new WarmUp(answers);
  }

  private static byte[] request(String agent, String params) {
    byte[] body =
        ("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":" + params + "}")
            .getBytes(UTF_8);
    return CheckRequest.newBuilder()
        .setAttributes(
            AttributeContext.newBuilder()
                .setSource(AttributeContext.Peer.newBuilder().setPrincipal(agent))
                .putContextExtensions(HttpAsk.UPSTREAM, "warm-up")
                .setRequest(
                    AttributeContext.Request.newBuilder()
                        .setHttp(
                            AttributeContext.HttpRequest.newBuilder()
                                .setMethod("POST")
                                .setPath("/mcp")
                                .putHeaders("content-type", "application/json")
                                .setSize(body.length)
                                .setRawBody(ByteString.copyFrom(body)))))
        .build()
        .toByteArray();
  }

  /** Denies everything, and records nothing. */
  private static final class Nobody implements ProxyRequests {
    private static FaultException no() {
      return new FaultException(new Fault.Denied("warming up"));
    }

    @Override
    public TaskId meant(Peer peer, Optional<TaskId> named) {
      throw no();
    }

    @Override
    public Use use(Peer peer, TaskId task, Act act) {
      throw no();
    }

    @Override
    public Use look(Peer peer, TaskId task, Act act) {
      throw no();
    }

    @Override
    public void refused(Peer peer, Optional<TaskId> task, Fault fault) {}

    @Override
    public List<Decision> foresee(Peer peer, TaskId task, List<Act> acts) {
      throw no();
    }

    @Override
    public Optional<List<Decision>> foreseeUnasked(Peer peer, TaskId task, List<Act> acts) {
      throw no();
    }

    @Override
    public boolean decidesHere() {
      return true;
    }

    @Override
    public Optional<Standing> standing(TaskId task) {
      throw no();
    }
  }
}
