package io.exeat.app;

import io.exeat.app.demo.DemoCommand;
import io.exeat.cli.Cli;
import io.exeat.cli.CredentialCommand;
import io.exeat.cli.ExecCommand;
import io.exeat.cli.Exit;
import io.exeat.cli.RevokeCommand;
import io.exeat.cli.StatusCommand;
import io.exeat.cli.TaskCommand;
import java.io.OutputStreamWriter;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import picocli.AutoComplete;
import picocli.CommandLine;
import picocli.CommandLine.Command;

/** The command {@code exeat}. */
@Command(
    name = "exeat",
    description = {
      "Credentials for AI agents that end with the task they were given for.",
      "",
      "Start with `exeat demo`; `exeat COMMAND --help` says more about each."
    },
    exitCodeListHeading = "%nExit codes:%n",
    synopsisSubcommandLabel = "COMMAND")
public final class Main implements Runnable {
  private Main() {}

  /** No argument is a question for help. */
  public static void main(String[] arguments) {
    Logging.begin();
    // The sidecar's start is timed: it does not wait for the other commands to be known.
    if (arguments.length > 0 && arguments[0].equals("run")) {
      System.exit(
          new CommandLine(new RunCommand())
              .setCommandName("exeat run")
              .execute(java.util.Arrays.copyOfRange(arguments, 1, arguments.length)));
    }
    System.exit(commandLine().execute(arguments));
  }

  static CommandLine commandLine() {
    PrintWriter out = writer(System.out);
    PrintWriter err = writer(System.err);
    Cli cli = new Cli(new SocketDoors(), out, err);
    CommandLine all =
        new CommandLine(new Main())
            .addSubcommand(new RunCommand())
            .addSubcommand(new DemoCommand())
            .addSubcommand(new ExecCommand(cli))
            .addSubcommand(new TaskCommand(cli))
            .addSubcommand(new CredentialCommand(cli))
            .addSubcommand(new RevokeCommand(cli))
            .addSubcommand(new StatusCommand(cli))
            .addSubcommand(new AuditCommand(out, err))
            .addSubcommand(new VaultCommand(out, err))
            .addSubcommand(new ConfigCommand(out, err))
            .addSubcommand(new DoctorCommand(out))
            .addSubcommand(new RehearseCommand())
            .addSubcommand("version", new VersionCommand(out))
            .addSubcommand("completion", new AutoComplete.GenerateCompletion());
    all.setOut(out).setErr(err);
    all.getCommandSpec()
        .usageMessage()
        .exitCodeList(CommandLine.Model.UsageMessageSpec.keyValuesMap(Exit.table()));
    everywhere(all);
    return all;
  }

  private static void everywhere(CommandLine command) {
    command.getCommandSpec().mixinStandardHelpOptions(false);
    if (command.getCommandSpec().findOption("--help") == null) {
      command
          .getCommandSpec()
          .addOption(
              CommandLine.Model.OptionSpec.builder("-h", "--help")
                  .usageHelp(true)
                  .description("Prints this.")
                  .build());
    }
    command.setExecutionExceptionHandler(Main::bug);
    command.getSubcommands().values().forEach(Main::everywhere);
  }

  private static int bug(Exception thrown, CommandLine command, CommandLine.ParseResult parsed) {
    command.getErr().println("exeat: a defect of Exeat's; please report it:");
    thrown.printStackTrace(command.getErr());
    command.getErr().flush();
    return Exit.BUG;
  }

  private static PrintWriter writer(java.io.PrintStream stream) {
    return new PrintWriter(new OutputStreamWriter(stream, StandardCharsets.UTF_8), true);
  }

  @Override
  public void run() {
    CommandLine.usage(commandLine(), System.out);
  }
}
