package io.exeat.cli;

import io.exeat.v1.Binding;
import io.exeat.v1.CancelRequest;
import io.exeat.v1.CompleteRequest;
import io.exeat.v1.Credential;
import io.exeat.v1.Task;
import io.exeat.v1.TaskState;
import io.grpc.StatusRuntimeException;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/**
 * {@code exeat exec}: a command's leave. The task lives exactly as long as the command; it is bound
 * to this process, so it ends also when this process is killed.
 */
@Command(
    name = "exec",
    description = {
      "Runs a command under a task of its own, with a login in libpq's environment.",
      "",
      "The command gets PGHOST, PGPORT, PGDATABASE, PGUSER, PGPASSFILE (a file in memory, mode"
          + " 0600),",
      "EXEAT_TASK and EXEAT_EPOCH. When it ends, the task is completed and the login proven dead;",
      "a signal cancels the task."
    },
    footer = {
      "",
      "Example:",
      "  exeat exec --intent answer-ticket -p ticket=4711 --grant orders-read -- psql -c 'TABLE"
          + " orders'"
    })
public final class ExecCommand implements Callable<Integer> {
  private final Cli cli;

  @Mixin private Where where = new Where();

  @Option(names = "--intent", required = true, paramLabel = "NAME", description = "Its purpose.")
  private String intent = "";

  @Option(
      names = {"-p", "--parameter"},
      paramLabel = "KEY=VALUE",
      description = "A parameter of the intent; repeatable.")
  private Map<String, String> parameters = new LinkedHashMap<>();

  @Option(
      names = "--grant",
      required = true,
      paramLabel = "NAME",
      description = "What to hold: a grant of a database.")
  private String grant = "";

  @Option(
      names = "--for",
      paramLabel = "TIME",
      defaultValue = "10m",
      converter = Where.Time.class,
      description = "How long at most (${DEFAULT-VALUE}); the command is stopped then.")
  private Duration lifetime = Duration.ofMinutes(10);

  @Option(
      names = "--password-in-environment",
      description = "Set PGPASSWORD instead of PGPASSFILE: visible to the command's own children.")
  private boolean passwordInEnvironment;

  @Parameters(arity = "1..*", paramLabel = "COMMAND", description = "What to run, after --.")
  private List<String> command = List.of();

  public ExecCommand(Cli cli) {
    this.cli = cli;
  }

  @Override
  public Integer call() {
    String program = command.getFirst();
    if (!Child.isProgram(program)) {
      return Refusal.tell(
          "USAGE",
          program + ": there is no such program; nothing was asked for",
          Child.NO_SUCH_PROGRAM,
          cli,
          where.json());
    }
    return Session.asAgent(cli, where, this::run);
  }

  private int run(Session session) {
    Task task =
        session
            .tasks()
            .open(
                TaskCommand.request(
                        intent, parameters, List.of(grant), lifetime, Binding.BINDING_PROCESS)
                    .setIssue(grant)
                    .setIdempotencyKey(TaskCommand.freshKey())
                    .build());
    Over over = new Over();
    Child child = new Child();
    Thread onSignal = new Thread(() -> stop(session, task, child, over), "exeat-exec-signal");
    Runtime.getRuntime().addShutdownHook(onSignal);
    boolean done = false;
    try {
      int code = runChild(task, child);
      done = true;
      return end(session, task, over, code);
    } catch (IOException e) {
      cli.err().println("exeat: " + e.getMessage());
      return Exit.USAGE;
    } finally {
      if (!done) {
        cancel(over.begin(), session, task, over);
      }
      forget(onSignal);
    }
  }

  private int runChild(Task task, Child child) throws IOException {
    try {
      Process process = child.start(new Beginning(task, task.getIssued()));
      // The broker ends the login at the deadline; a little later the command ends, too.
      if (!process.waitFor(lifetime.toMillis() + 1_000, TimeUnit.MILLISECONDS)) {
        cli.err().println("exeat: " + lifetime.toSeconds() + "s are over: stopping the command");
        child.stop();
      }
      return process.waitFor();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      child.stop();
      return 128 + 2;
    } finally {
      child.removeFolder();
    }
  }

  /** The command with its login. */
  private final class Beginning implements Child.Beginning {
    private final Task task;
    private final Credential credential;

    Beginning(Task task, Credential credential) {
      this.task = task;
      this.credential = credential;
    }

    @Override
    public Optional<Path> folder() throws IOException {
      Optional<Path> folder =
          passwordInEnvironment ? Optional.empty() : PasswordFile.folderInMemory(System.getenv());
      if (folder.isEmpty() && !passwordInEnvironment) {
        throw new IOException(
            "there is no tmpfs for the password file (EXEAT_FILES, XDG_RUNTIME_DIR, /dev/shm);"
                + " --password-in-environment does without");
      }
      return folder;
    }

    @Override
    public Process process(Optional<Path> folder) throws IOException {
      if (!credential.hasDatabase()) {
        throw new IOException(
            "grant "
                + grant
                + " lends no database login: take it with exeat credential issue --out");
      }
      ProcessBuilder builder = new ProcessBuilder(command).inheritIO();
      builder.environment().putAll(environment(task, credential, folder));
      return builder.start();
    }
  }

  private Map<String, String> environment(Task task, Credential credential, Optional<Path> folder)
      throws IOException {
    var login = credential.getDatabase();
    Map<String, String> environment = new HashMap<>();
    environment.put("PGHOST", login.getHost());
    environment.put("PGPORT", Integer.toString(login.getPort()));
    environment.put("PGDATABASE", login.getDatabase());
    environment.put("PGUSER", login.getUsername());
    environment.put("EXEAT_TASK", task.getId());
    environment.put("EXEAT_EPOCH", Long.toString(task.getEpoch()));
    if (folder.isPresent()) {
      Path file = folder.get().resolve(Child.PASSWORD_FILE);
      try (PasswordFile password = PasswordFile.reserve(file)) {
        password.write(login);
      }
      environment.put("PGPASSFILE", file.toString());
    } else {
      environment.put("PGPASSWORD", login.getPassword());
    }
    return environment;
  }

  private int end(Session session, Task task, Over over, int code) {
    if (over.begin()) {
      try {
        Task ended =
            session.tasks().complete(CompleteRequest.newBuilder().setTaskId(task.getId()).build());
        if (ended.getState() != TaskState.TASK_STATE_ENDED) {
          cli.err()
              .println(
                  "exeat: task "
                      + task.getId()
                      + " is still being revoked: "
                      + ended.getPendingReason());
        }
      } finally {
        over.done();
      }
    } else {
      over.await(where.timeout());
    }
    return code;
  }

  /** On a signal; the process ends with it, so it stays until the task's end is answered. */
  private void stop(Session session, Task task, Child child, Over over) {
    // First, because the command's end is about to wake whoever would complete the task.
    boolean ours = over.begin();
    try {
      child.stop();
      child.removeFolder();
    } finally {
      cancel(ours, session, task, over);
    }
  }

  /** Whoever leaves first would take the channel away from the other. */
  private void cancel(boolean ours, Session session, Task task, Over over) {
    if (!ours) {
      over.await(where.timeout());
      return;
    }
    try {
      var _ =
          session
              .tasks()
              .cancel(
                  CancelRequest.newBuilder()
                      .setTaskId(task.getId())
                      .setNote("exeat exec was stopped")
                      .build());
    } catch (StatusRuntimeException e) {
      // The broker sees this process end and ends the task by itself.
      cli.err().println("exeat: could not cancel " + task.getId() + ": " + e.getStatus());
      cli.err().flush();
    } finally {
      over.done();
    }
  }

  /** The task's end: one thread asks for it, the other waits for the answer. */
  private static final class Over {
    private final AtomicBoolean begun = new AtomicBoolean();
    private final CountDownLatch done = new CountDownLatch(1);

    /** Whether it is the caller's to ask for. */
    boolean begin() {
      return begun.compareAndSet(false, true);
    }

    void done() {
      done.countDown();
    }

    void await(Duration atMost) {
      try {
        var _ = done.await(atMost.toMillis(), TimeUnit.MILLISECONDS);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }
  }

  private static void forget(Thread hook) {
    try {
      Runtime.getRuntime().removeShutdownHook(hook);
    } catch (IllegalStateException e) {
      // It runs already.
    }
  }
}
