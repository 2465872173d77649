package io.exeat.gateway.jsonrpc;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.exeat.flow.Judged;
import io.exeat.policy.Decision;
import java.time.Duration;

/** What a program needs of a decision, in {@code _meta} of the result that says it (MCP). */
public final class DecisionMeta {
  /** People take longer than programs do. */
  public static final Duration ASK_AGAIN = Duration.ofSeconds(15);

  /** What a call under it belongs to, for people and for the audit. */
  private static final String DECISION = "io.exeat/decision";

  /** Whose yes it waits for, a list of words; and after how many seconds to look for it. */
  private static final String APPROVERS = "io.exeat/approvers";

  private static final String RETRY_AFTER = "io.exeat/retry-after";

  private DecisionMeta() {}

  public static ObjectNode of(Judged judged) {
    ObjectNode meta = JsonNodeFactory.instance.objectNode().put(DECISION, judged.id().value());
    if (judged.decision() instanceof Decision.Ask ask) {
      ask.approvers().forEach(meta.putArray(APPROVERS)::add);
      meta.put(RETRY_AFTER, ASK_AGAIN.toSeconds());
    }
    return meta;
  }
}
