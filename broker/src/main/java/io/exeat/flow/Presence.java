package io.exeat.flow;

import io.exeat.attest.Attestor;
import io.exeat.base.Subscription;
import io.exeat.base.TaskId;
import io.exeat.task.Binding;
import io.exeat.task.EndCause;
import io.exeat.task.Task;
import io.exeat.task.TaskEvent;
import io.exeat.task.Tasks;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;

/** Ends a task that is bound to an instance of its agent when that instance is gone. */
final class Presence {
  private final Attestor attestor;
  private final Tasks tasks;
  private final Endings endings;
  private final ConcurrentMap<TaskId, Subscription> watched = new ConcurrentHashMap<>();

  Presence(Attestor attestor, Tasks tasks, Endings endings) {
    this.attestor = attestor;
    this.tasks = tasks;
    this.endings = endings;
  }

  void endWhenGone(Task task) {
    if (task.binding() == Binding.IDENTITY) {
      return;
    }
    TaskId id = task.id();
    watched.put(
        id,
        attestor.whenGone(task.agent(), reason -> endings.end(id, EndCause.AGENT_GONE, reason)));
    tasks.watch(
        task.agent(), id, 0, this::stopWhenOver); // its snapshot tells of an end before the put
  }

  private void stopWhenOver(TaskEvent event) {
    if (event.task().end().isPresent()) {
      Subscription watch = watched.remove(event.task().id());
      if (watch != null) {
        watch.close();
      }
    }
  }
}
