package io.exeat.flow;

import io.exeat.credential.Held;
import io.exeat.task.Task;
import java.util.List;
import java.util.Optional;

/**
 * A task with what it ever held.
 *
 * @param credentials oldest first
 * @param pending why a revocation is not proven yet
 */
public record TaskView(Task task, List<Held> credentials, Optional<String> pending) {
  public TaskView {
    credentials = List.copyOf(credentials);
  }
}
