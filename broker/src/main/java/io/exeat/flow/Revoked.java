package io.exeat.flow;

import io.exeat.base.TaskId;
import java.util.Map;

/** What an operator's revocation came to so far. */
public record Revoked(int named, int provenDead, Map<TaskId, String> pending) {
  public Revoked {
    pending = Map.copyOf(pending);
  }
}
