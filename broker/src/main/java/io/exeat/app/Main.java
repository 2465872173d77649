package io.exeat.app;

import io.exeat.app.demo.DemoCommand;
import io.exeat.cli.ApprovalCommand;
import io.exeat.cli.Cli;
import io.exeat.cli.CredentialCommand;
import io.exeat.cli.ExecCommand;
import io.exeat.cli.Exit;
import io.exeat.cli.KillCommand;
import io.exeat.cli.McpCommand;
import io.exeat.cli.ReceiptCommand;
import io.exeat.cli.RevokeCommand;
import io.exeat.cli.StatusCommand;
import io.exeat.cli.TaskCommand;
import io.exeat.cli.UnkillCommand;
import java.io.OutputStreamWriter;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Supplier;
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
    synopsisSubcommandLabel = "COMMAND")
public final class Main implements Runnable {
  @CommandLine.Spec
  private CommandLine.Model.CommandSpec spec = CommandLine.Model.CommandSpec.create();

  private Main() {}

  /** No argument is a question for help. */
  public static void main(String[] arguments) {
    Logging.begin();
    // Before the first HTTP client: one call is one request, and its failure is its own. Else the
    // JDK sends a GET again when its connection breaks before an answer, and lending is a GET
    // (ADR 0010).
    System.setProperty("jdk.httpclient.disableRetryConnect", "true");
    System.setProperty("jdk.httpclient.redirects.retrylimit", "1");
    System.exit(commandLine(arguments).execute(arguments));
  }

  /** All that is needed for these arguments: nobody waits for the other commands to be known. */
  static CommandLine commandLine(String... arguments) {
    PrintWriter out = writer(System.out);
    PrintWriter err = writer(System.err);
    Map<String, Supplier<Object>> commands = commands(out, err);
    CommandLine all = new CommandLine(new Main());
    if (arguments.length > 0 && commands.containsKey(arguments[0])) {
      commands.keySet().retainAll(java.util.Set.of(arguments[0]));
    } else {
      all.addSubcommand(new HelpCommand());
      all.addSubcommand("completion", new AutoComplete.GenerateCompletion());
    }
    commands.forEach((name, command) -> all.addSubcommand(name, command.get()));
    all.setOut(out).setErr(err);
    everywhere(all);
    return all;
  }

  private static Map<String, Supplier<Object>> commands(PrintWriter out, PrintWriter err) {
    Cli cli = new Cli(new SocketDoors(), out, err);
    Map<String, Supplier<Object>> commands = new LinkedHashMap<>();
    commands.put("run", RunCommand::new);
    commands.put("demo", DemoCommand::new);
    commands.put("exec", () -> new ExecCommand(cli));
    commands.put("mcp", () -> new McpCommand(cli));
    commands.put("task", () -> new TaskCommand(cli));
    commands.put("credential", () -> new CredentialCommand(cli));
    commands.put("revoke", () -> new RevokeCommand(cli, new VaultDirect(System.getenv())));
    commands.put("kill", () -> new KillCommand(cli));
    commands.put("unkill", () -> new UnkillCommand(cli));
    commands.put("approval", () -> new ApprovalCommand(cli));
    commands.put("receipt", () -> new ReceiptCommand(cli));
    commands.put("status", () -> new StatusCommand(cli));
    commands.put("audit", () -> new AuditCommand(out, err));
    commands.put("policy", () -> new PolicyCommand(out, err, System.getenv()));
    commands.put("vault", () -> new VaultCommand(out, err));
    commands.put("config", () -> new ConfigCommand(out, err));
    commands.put("doctor", () -> new DoctorCommand(out));
    commands.put("inject", InjectCommand::new);
    commands.put("probe", ProbeCommand::new);
    commands.put("rehearse", RehearseCommand::new);
    commands.put("version", () -> new VersionCommand(out));
    return commands;
  }

  private static void everywhere(CommandLine command) {
    CommandLine.Model.CommandSpec spec = command.getCommandSpec();
    if (spec.findOption("--help") == null && !spec.helpCommand()) {
      spec.addOption(
          CommandLine.Model.OptionSpec.builder("-h", "--help")
              .usageHelp(true)
              .description("Prints this.")
              .build());
    }
    spec.usageMessage()
        .exitCodeListHeading("%nExit codes:%n")
        .exitCodeList(CommandLine.Model.UsageMessageSpec.keyValuesMap(Exit.table()));
    command.setExecutionExceptionHandler(Main::bug);
    command.setParameterExceptionHandler(Main::misused);
    command.getSubcommands().values().forEach(Main::everywhere);
  }

  private static int misused(CommandLine.ParameterException thrown, String[] arguments) {
    CommandLine command = thrown.getCommandLine();
    PrintWriter err = command.getErr();
    // Of a group of options, picocli's own begins with a word that is ours to say.
    err.println("exeat: " + String.valueOf(thrown.getMessage()).replaceFirst("^Error: ", ""));
    CommandLine.UnmatchedArgumentException.printSuggestions(thrown, err);
    err.println("  " + command.getCommandSpec().qualifiedName() + " --help says what it takes.");
    err.flush();
    return Exit.USAGE;
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
    spec.commandLine().usage(spec.commandLine().getOut());
  }
}
