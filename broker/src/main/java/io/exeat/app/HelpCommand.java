package io.exeat.app;

import java.util.List;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code exeat help}: of a command and, unlike picocli's own, of the commands below it. */
@Command(
    name = "help",
    description = "Prints the help of a command.",
    footer = {"", "Example:", "  exeat help task open"})
final class HelpCommand implements Runnable {
  @Spec private CommandSpec spec = CommandSpec.create();

  @Parameters(arity = "0..*", paramLabel = "COMMAND", description = "Which; else all of them.")
  private List<String> words = List.of();

  @Override
  public void run() {
    CommandLine at = spec.parent().commandLine();
    for (String word : words) {
      CommandLine next = at.getSubcommands().get(word);
      if (next == null) {
        throw new ParameterException(
            at, at.getCommandSpec().qualifiedName() + " has no command " + word);
      }
      at = next;
    }
    at.usage(spec.commandLine().getOut());
  }
}
