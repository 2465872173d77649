package io.exeat.flow;

import io.exeat.base.TaskId;
import java.util.Map;

/**
 * What an operator's revocation came to so far.
 *
 * @param named tasks, or credentials, that had not ended before
 * @param provenDead of these
 * @param pending of these
 * @param alreadyEnded what was named beside these and had ended before
 */
public record Revoked(int named, int provenDead, Map<TaskId, String> pending, int alreadyEnded) {
  public Revoked {
    pending = Map.copyOf(pending);
  }
}
