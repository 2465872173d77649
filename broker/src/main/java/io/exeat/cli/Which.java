package io.exeat.cli;

import java.util.Optional;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Which task: the one that is named, else the one that {@code exeat exec} opened around us. */
final class Which {
  @Spec(Spec.Target.MIXEE)
  private CommandSpec spec = CommandSpec.create();

  @Parameters(
      arity = "0..1",
      paramLabel = "TASK",
      description = "The task's identifier; else EXEAT_TASK's.")
  private Optional<String> named = Optional.empty();

  /**
   * Its identifier, as it was given.
   *
   * @throws ParameterException when there is none
   */
  String task() {
    return of(named, spec);
  }

  static String of(Optional<String> named, CommandSpec spec) {
    String task = named.orElseGet(() -> System.getenv().getOrDefault("EXEAT_TASK", ""));
    if (task.isEmpty()) {
      throw new ParameterException(
          spec.commandLine(), "no task is named: give its identifier, or set EXEAT_TASK");
    }
    return task;
  }
}
