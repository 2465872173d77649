package io.exeat.task;

import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import io.exeat.base.TaskId;
import io.exeat.base.Time;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Function;

/** A part of a task is never wider than the whole, in anything. */
final class Lineage {
  /** A task of its own, its part, that one's part, and so on. */
  static final int LEVELS = 8;

  private Lineage() {}

  /**
   * @throws FaultException Exhausted when a part of {@code parent} would be a level too deep
   */
  static void requireLevel(Task parent, Function<TaskId, Optional<Task>> find) {
    if (of(parent.id(), find).size() >= LEVELS) {
      throw new FaultException(new Fault.Exhausted("levels of sub-tasks", LEVELS));
    }
  }

  /** The task and those that it is a part of, one in the other; the outermost one is the last. */
  static List<TaskId> of(TaskId id, Function<TaskId, Optional<Task>> find) {
    List<TaskId> lineage = new ArrayList<>();
    for (Optional<TaskId> at = Optional.of(id); at.isPresent(); ) {
      lineage.add(at.get());
      at = find.apply(at.get()).flatMap(Task::parent);
    }
    return lineage;
  }

  /**
   * @throws FaultException OutOfScope of the parent; Malformed for lifetime or binding
   */
  static void requireWithin(Task parent, Task part, Time time) {
    requireScope(parent, part.scope());
    if (part.deadlineTick() - parent.deadlineTick() > 0) {
      throw malformed(
          "lifetime",
          "must be at most " + time.until(parent.deadlineTick()) + ", what the parent has left");
    }
    if (parent.binding() == Binding.PROCESS && part.binding() != Binding.PROCESS) {
      throw malformed("binding", "must be BINDING_PROCESS, as the parent's is");
    }
  }

  /**
   * @throws FaultException OutOfScope of the parent
   */
  static void requireScope(Task parent, Set<String> scope) {
    Set<String> wider = new TreeSet<>(scope);
    wider.removeAll(parent.scope());
    if (!wider.isEmpty()) {
      throw new FaultException(new Fault.OutOfScope(parent.id(), String.join(", ", wider)));
    }
  }

  private static FaultException malformed(String field, String problem) {
    return new FaultException(new Fault.Malformed(field, problem));
  }
}
