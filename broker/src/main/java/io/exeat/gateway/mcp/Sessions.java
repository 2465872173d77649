package io.exeat.gateway.mcp;

import io.exeat.base.Epoch;
import io.exeat.base.TaskId;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.function.Predicate;

/**
 * The sessions of the legacy era. Ours is bound to a task's epoch, and so to its agent, and stands
 * for the server's own, which the agent never sees. Bounded: the oldest ones of a task, and of all,
 * go.
 */
final class Sessions {
  private static final int OF_A_TASK = 64;
  private static final int MOST = 20_000;

  private final Map<String, Session> sessions = new LinkedHashMap<>();

  /**
   * @param id ours
   * @param upstream the entry's name
   * @param theirs the server's own; empty for a server that has none
   */
  record Session(String id, String upstream, Epoch epoch, Optional<String> theirs) {
    TaskId task() {
      return epoch.task();
    }
  }

  synchronized Session begin(String upstream, Epoch epoch, Optional<String> theirs) {
    Session fresh = new Session(UUID.randomUUID().toString(), upstream, epoch, theirs);
    makeRoom(it -> it.task().equals(epoch.task()), OF_A_TASK);
    makeRoom(_ -> true, MOST);
    sessions.put(fresh.id(), fresh);
    return fresh;
  }

  private void makeRoom(Predicate<Session> of, int most) {
    long there = sessions.values().stream().filter(of).count();
    if (there >= most) {
      sessions.values().stream().filter(of).findFirst().ifPresent(old -> sessions.remove(old.id()));
    }
  }

  /** The session at this upstream. */
  synchronized Optional<Session> find(String id, String upstream) {
    return Optional.ofNullable(sessions.get(id)).filter(it -> it.upstream().equals(upstream));
  }

  synchronized void end(String id) {
    sessions.remove(id);
  }

  /** The task is over. */
  synchronized void endAll(TaskId task) {
    sessions.values().removeIf(it -> it.task().equals(task));
  }
}
