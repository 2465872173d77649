package io.exeat.cli;

import io.exeat.v1.Binding;
import io.exeat.v1.CancelRequest;
import io.exeat.v1.ChangeScopeRequest;
import io.exeat.v1.CompleteRequest;
import io.exeat.v1.GetRequest;
import io.exeat.v1.ListRequest;
import io.exeat.v1.ListResponse;
import io.exeat.v1.OpenRequest;
import io.exeat.v1.Task;
import io.exeat.v1.TaskEvent;
import io.exeat.v1.TaskState;
import io.exeat.v1.WatchRequest;
import java.time.Duration;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code exeat task}: an agent's leave from the command line. */
@Command(
    name = "task",
    description = "Open, look at, change and end tasks.",
    synopsisSubcommandLabel = "COMMAND")
public final class TaskCommand {
  private static final String TASK = "The task's identifier; without one, EXEAT_TASK's.";

  private final Cli cli;

  public TaskCommand(Cli cli) {
    this.cli = cli;
  }

  @Command(
      description = {
        "Opens a task for this process's user.",
        "",
        "It is bound to the agent's SPIFFE ID, because this command ends at once: the agent's",
        "catalogue entry must allow binding `identity`."
      },
      footer = {
        "",
        "Example:",
        "  exeat task open --intent answer-ticket -p ticket=4711 --scope orders-read --for 10m"
      })
  int open(
      @Mixin Where where,
      @Option(
              names = "--intent",
              required = true,
              paramLabel = "NAME",
              description = "Its purpose.")
          String intent,
      @Option(
              names = {"-p", "--parameter"},
              paramLabel = "KEY=VALUE",
              description = "A parameter of the intent; repeatable.")
          @Nullable Map<String, String> parameters,
      @Option(
              names = "--scope",
              split = ",",
              paramLabel = "GRANT",
              description = "What it may hold; repeatable or with commas.")
          @Nullable List<String> scope,
      @Option(
              names = "--for",
              paramLabel = "TIME",
              defaultValue = "10m",
              converter = Where.Time.class,
              description = "How long (${DEFAULT-VALUE}).")
          Duration lifetime,
      @Option(names = "--note", defaultValue = "", description = "For people; grants nothing.")
          String note,
      @Option(
              names = "--parent",
              defaultValue = "",
              paramLabel = "ID",
              description = "A task of its own, of which this is to be a part: never wider.")
          String parent,
      @Option(
              names = "--key",
              defaultValue = "",
              description = "Idempotency key; else a fresh one.")
          String key) {
    OpenRequest request =
        open(intent, nothing(parameters), nothing(scope), lifetime, Binding.BINDING_IDENTITY)
            .setNote(note)
            .setParentTaskId(parent)
            .setIdempotencyKey(key.isEmpty() ? freshKey() : key)
            .build();
    return Session.asAgent(cli, where, session -> print(session, session.tasks().open(request)));
  }

  @Command(description = "Prints a task as it stands.")
  int get(
      @Mixin Where where, @Parameters(arity = "0..1", description = TASK) @Nullable String task) {
    return Session.asAgent(
        cli,
        where,
        session ->
            print(
                session, session.tasks().get(GetRequest.newBuilder().setTaskId(id(task)).build())));
  }

  @Command(
      description = {
        "Replaces a task's scope, as a new epoch.",
        "",
        "Returns when everything of the old epoch is proven dead."
      },
      footer = {"", "Example:", "  exeat task scope t0123456789abcdefghij --scope orders-write"})
  int scope(
      @Mixin Where where,
      @Parameters(arity = "0..1", description = TASK) @Nullable String task,
      @Option(
              names = "--scope",
              split = ",",
              paramLabel = "GRANT",
              description = "The whole new scope; nothing without it.")
          @Nullable List<String> scope,
      @Option(
              names = "--epoch",
              defaultValue = "0",
              description = "The epoch that is believed to be current; else whichever is.")
          long epoch) {
    return Session.asAgent(
        cli,
        where,
        session -> {
          String id = id(task);
          long current =
              epoch == 0
                  ? session.tasks().get(GetRequest.newBuilder().setTaskId(id).build()).getEpoch()
                  : epoch;
          return print(
              session,
              session
                  .tasks()
                  .changeScope(
                      ChangeScopeRequest.newBuilder()
                          .setTaskId(id)
                          .addAllScope(nothing(scope))
                          .setEpoch(current)
                          .build()));
        });
  }

  @Command(description = "Ends a task: its purpose is fulfilled.")
  int complete(
      @Mixin Where where, @Parameters(arity = "0..1", description = TASK) @Nullable String task) {
    return Session.asAgent(
        cli,
        where,
        session ->
            print(
                session,
                session
                    .tasks()
                    .complete(CompleteRequest.newBuilder().setTaskId(id(task)).build())));
  }

  @Command(description = "Ends a task: its purpose was given up.")
  int cancel(
      @Mixin Where where,
      @Parameters(arity = "0..1", description = TASK) @Nullable String task,
      @Option(names = "--note", defaultValue = "", description = "Why, for people.") String note) {
    return Session.asAgent(
        cli,
        where,
        session ->
            print(
                session,
                session
                    .tasks()
                    .cancel(CancelRequest.newBuilder().setTaskId(id(task)).setNote(note).build())));
  }

  @Command(description = "Lists tasks, newest first. For operators.")
  int list(
      @Mixin Where where,
      @Option(names = "--agent", defaultValue = "", description = "Only this SPIFFE ID's.")
          String agent,
      @Option(names = "--ended", description = "Ended ones too.") boolean ended,
      @Option(names = "--limit", defaultValue = "100", description = "At most (${DEFAULT-VALUE}).")
          int limit) {
    return Session.asOperator(
        cli,
        where,
        session -> {
          ListResponse answer =
              session
                  .admin()
                  .list(
                      ListRequest.newBuilder()
                          .setAgent(agent)
                          .setIncludeEnded(ended)
                          .setLimit(limit)
                          .build());
          if (session.json()) {
            session.printJson(answer);
          } else {
            answer.getTasksList().forEach(task -> session.out().println(Text.line(task)));
            session
                .out()
                .println(
                    answer.getTasksCount() + (answer.getMore() ? " tasks, and more" : " tasks"));
          }
          return Exit.OK;
        });
  }

  @Command(description = "Prints a task's events until it has ended.")
  int watch(
      @Mixin Where where, @Parameters(arity = "0..1", description = TASK) @Nullable String task) {
    return Session.asAgent(
        cli,
        where,
        session -> {
          Iterator<TaskEvent> events =
              session.streams().watch(WatchRequest.newBuilder().setTaskId(id(task)).build());
          while (events.hasNext()) {
            TaskEvent event = events.next();
            if (session.json()) {
              session.printJson(event);
            } else {
              Object what =
                  event.getField(
                      event.getOneofFieldDescriptor(
                          TaskEvent.getDescriptor().getOneofs().getFirst()));
              session
                  .out()
                  .println(
                      Text.instant(event.getAt())
                          + "  "
                          + event
                              .getEventCase()
                              .name()
                              .toLowerCase(java.util.Locale.ROOT)
                              .replace('_', ' ')
                          + "  "
                          + Text.line((Task) what));
              session.out().flush();
            }
          }
          return Exit.OK;
        });
  }

  static OpenRequest.Builder open(
      String intent,
      Map<String, String> parameters,
      List<String> scope,
      Duration lifetime,
      Binding binding) {
    return OpenRequest.newBuilder()
        .setIntent(intent)
        .putAllParameters(parameters)
        .addAllScope(scope)
        .setBinding(binding)
        .setLifetime(
            com.google.protobuf.Duration.newBuilder()
                .setSeconds(lifetime.toSeconds())
                .setNanos(lifetime.toNanosPart()));
  }

  static String freshKey() {
    return "cli-" + UUID.randomUUID();
  }

  /** The named task, else the one that {@code exeat exec} opened around us. */
  static String id(@Nullable String named) {
    return named == null ? System.getenv().getOrDefault("EXEAT_TASK", "") : named;
  }

  static <T> List<T> nothing(@Nullable List<T> given) {
    return given == null ? List.of() : given;
  }

  static Map<String, String> nothing(@Nullable Map<String, String> given) {
    return given == null ? Map.of() : given;
  }

  private static int print(Session session, Task task) {
    if (session.json()) {
      session.printJson(task);
    } else {
      Text.task(task, session.out());
    }
    boolean pending =
        task.getState() == TaskState.TASK_STATE_ENDING
            || task.getState() == TaskState.TASK_STATE_CHANGING;
    return pending ? Exit.PENDING : Exit.OK;
  }
}
