package io.exeat.gateway.relay;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.exeat.attest.Agent;
import io.exeat.base.TaskId;
import io.spiffe.spiffeid.SpiffeId;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Which ended tasks were whose, of instances whose links were retired: should one come back, it may
 * still look at them. The broker knows it by its SPIFFE ID alone.
 */
final class Retired {

  /** Instances; the one that left first is forgotten for one more. */
  static final int REMEMBERED = 256;

  @GuardedBy("this")
  private final Map<Agent, Handles> left = new LinkedHashMap<>();

  synchronized void add(Agent agent, Handles handles) {
    if (handles.retired().isEmpty()) {
      return;
    }
    left.put(agent, handles);
    if (left.size() > REMEMBERED) {
      left.remove(left.keySet().iterator().next());
    }
  }

  /** What the instance had, which is its own again; new ones where nothing is known of it. */
  synchronized Handles take(Agent agent) {
    Handles had = left.remove(agent);
    return had == null ? new Handles() : had;
  }

  synchronized boolean isBound(SpiffeId agent, TaskId task) {
    return left.entrySet().stream()
        .anyMatch(entry -> entry.getKey().id().equals(agent) && entry.getValue().isBound(task));
  }
}
