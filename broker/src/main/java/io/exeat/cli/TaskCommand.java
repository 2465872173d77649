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
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code exeat task}: an agent's leave from the command line. */
@Command(
    name = "task",
    description = "Open, look at, change and end tasks.",
    synopsisSubcommandLabel = "COMMAND")
public final class TaskCommand {
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
        request(
                intent,
                parameters == null ? Map.of() : parameters,
                given(scope),
                lifetime,
                Binding.BINDING_IDENTITY)
            .setNote(note)
            .setParentTaskId(parent)
            .setIdempotencyKey(key.isEmpty() ? freshKey() : key)
            .build();
    return show(where, session -> session.tasks().open(request));
  }

  @Command(description = "Prints a task as it stands.")
  int get(@Mixin Where where, @Mixin Which which) {
    GetRequest request = GetRequest.newBuilder().setTaskId(which.task()).build();
    return show(where, session -> session.tasks().get(request));
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
      @Mixin Which which,
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
    ChangeScopeRequest.Builder request =
        ChangeScopeRequest.newBuilder()
            .setTaskId(which.task())
            .addAllScope(given(scope))
            .setEpoch(epoch);
    GetRequest get = GetRequest.newBuilder().setTaskId(which.task()).build();
    return show(
        where,
        session -> {
          if (epoch == 0) {
            request.setEpoch(session.tasks().get(get).getEpoch());
          }
          return session.tasks().changeScope(request.build());
        });
  }

  @Command(description = "Ends a task: its purpose is fulfilled.")
  int complete(@Mixin Where where, @Mixin Which which) {
    CompleteRequest request = CompleteRequest.newBuilder().setTaskId(which.task()).build();
    return show(where, session -> session.tasks().complete(request));
  }

  @Command(description = "Ends a task: its purpose was given up.")
  int cancel(
      @Mixin Where where,
      @Mixin Which which,
      @Option(names = "--note", defaultValue = "", description = "Why, for people.") String note) {
    CancelRequest request =
        CancelRequest.newBuilder().setTaskId(which.task()).setNote(note).build();
    return show(where, session -> session.tasks().cancel(request));
  }

  @Command(description = "Lists tasks, newest first. For operators.")
  int list(
      @Mixin Where where,
      @Option(
              names = "--agent",
              paramLabel = "SPIFFE-ID",
              defaultValue = "",
              description = "Only this agent's.")
          String agent,
      @Option(names = "--ended", description = "Ended ones too.") boolean ended,
      @Option(names = "--limit", defaultValue = "100", description = "At most (${DEFAULT-VALUE}).")
          int limit) {
    ListRequest request =
        ListRequest.newBuilder().setAgent(agent).setIncludeEnded(ended).setLimit(limit).build();
    return Session.asOperator(
        cli,
        where,
        session -> {
          ListResponse answer = session.admin().list(request);
          if (session.json()) {
            session.printJson(answer);
          } else {
            answer.getTasksList().forEach(task -> session.out().println(Text.line(task)));
            session
                .out()
                .println(
                    Text.count(answer.getTasksCount(), "task")
                        + (answer.getMore() ? ", and more: --limit" : ""));
          }
          return Exit.OK;
        });
  }

  @Command(
      description = {
        "Prints a task's events until it has ended.",
        "",
        "--timeout does not end it."
      })
  int watch(@Mixin Where where, @Mixin Which which) {
    WatchRequest request = WatchRequest.newBuilder().setTaskId(which.task()).build();
    return Session.asAgent(
        cli,
        where,
        session -> {
          Iterator<TaskEvent> events = session.streams().watch(request);
          while (events.hasNext()) {
            TaskEvent event = events.next();
            if (session.json()) {
              session.printJson(event);
            } else {
              session.out().println(Text.event(event));
              session.out().flush();
            }
          }
          return Exit.OK;
        });
  }

  /** A request without its idempotency key. */
  static OpenRequest.Builder request(
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

  private static List<String> given(@Nullable List<String> scope) {
    return scope == null ? List.of() : scope;
  }

  /** Asks as an agent, and prints the task as it then is. */
  private int show(Where where, Function<Session, Task> call) {
    return Session.asAgent(
        cli,
        where,
        session -> {
          Task task = call.apply(session);
          if (session.json()) {
            session.printJson(task);
          } else {
            Text.task(task, session.out());
          }
          boolean pending =
              task.getState() == TaskState.TASK_STATE_ENDING
                  || task.getState() == TaskState.TASK_STATE_CHANGING;
          return pending ? Exit.PENDING : Exit.OK;
        });
  }
}
