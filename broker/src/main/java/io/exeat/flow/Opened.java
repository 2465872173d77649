package io.exeat.flow;

import io.exeat.task.Task;
import java.util.Optional;

/**
 * A task that was opened.
 *
 * @param issued with it, where that was asked for
 */
public record Opened(TaskView view, Optional<Issued> issued) {
  public Task task() {
    return view.task();
  }
}
