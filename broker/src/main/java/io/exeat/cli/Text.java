package io.exeat.cli;

import com.google.protobuf.Timestamp;
import io.exeat.v1.CredentialState;
import io.exeat.v1.CredentialSummary;
import io.exeat.v1.EndCause;
import io.exeat.v1.Task;
import io.exeat.v1.TaskEvent;
import io.exeat.v1.TaskState;
import java.io.PrintWriter;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Locale;
import java.util.TreeMap;
import java.util.stream.Collectors;

/** Messages of exeat/v1 for people. */
final class Text {
  private Text() {}

  static void task(Task task, PrintWriter out) {
    out.println("task     " + task.getId() + "  " + state(task.getState()) + ending(task));
    out.println("agent    " + task.getAgent());
    out.println("intent   " + task.getIntent() + parameters(task));
    out.println(
        "scope    "
            + (task.getScopeCount() == 0 ? "nothing" : String.join(", ", task.getScopeList()))
            + "  (epoch "
            + task.getEpoch()
            + ")");
    out.println("until    " + instant(task.getDeadline()) + left(task.getDeadline()));
    for (CredentialSummary held : task.getCredentialsList()) {
      out.println("held     " + credential(held));
    }
    if (!task.getPendingReason().isEmpty()) {
      out.println("pending  " + task.getPendingReason());
    }
  }

  /** The task in one line. */
  static String line(Task task) {
    long active =
        task.getCredentialsList().stream()
            .filter(held -> held.getState() == CredentialState.CREDENTIAL_STATE_ACTIVE)
            .count();
    return "%s  %-8s  %-40s  %-24s  %s"
        .formatted(
            task.getId(),
            state(task.getState()),
            task.getAgent(),
            String.join(",", task.getScopeList()),
            task.getState() == TaskState.TASK_STATE_OPEN
                ? "holds " + active + ", until " + instant(task.getDeadline())
                : ending(task).strip());
  }

  /** What happened to a task, when, and how it is since. */
  static String event(TaskEvent event) {
    Object task =
        event.getField(
            event.getOneofFieldDescriptor(TaskEvent.getDescriptor().getOneofs().getFirst()));
    return instant(event.getAt())
        + "  "
        + event.getEventCase().name().toLowerCase(Locale.ROOT).replace('_', ' ')
        + "  "
        + line((Task) task);
  }

  /** Such as 1 task, 2 tasks. */
  static String count(int number, String what) {
    return number + " " + what + (number == 1 ? "" : "s");
  }

  static String credential(CredentialSummary held) {
    String state = held.getState().name().replace("CREDENTIAL_STATE_", "").toLowerCase(Locale.ROOT);
    return held.getId()
        + "  "
        + held.getGrant()
        + "  epoch "
        + held.getEpoch()
        + "  "
        + (held.getCannotBeRecalled()
            ? unrecalled(held, state)
            : held.hasDeadAt()
                ? "proven dead at " + instant(held.getDeadAt())
                : state + ", by itself until " + instant(held.getExpiresAt()));
  }

  private static String unrecalled(CredentialSummary held, String state) {
    String ends = instant(held.getExpiresAt());
    return switch (held.getState()) {
      case CREDENTIAL_STATE_REVOKED -> "expired at " + ends;
      case CREDENTIAL_STATE_REVOKING -> "cannot be recalled, ends at " + ends;
      default -> state + ", cannot be recalled, ends at " + ends;
    };
  }

  static String state(TaskState state) {
    return state.name().replace("TASK_STATE_", "");
  }

  private static String ending(Task task) {
    if (task.getEndCause() == EndCause.END_CAUSE_UNSPECIFIED) {
      return "";
    }
    String cause = task.getEndCause().name().replace("END_CAUSE_", "");
    return "  ("
        + cause
        + (task.hasEndedAt()
            ? ", proven dead at " + instant(task.getEndedAt())
            : ", still revoking")
        + ")";
  }

  private static String parameters(Task task) {
    return task.getParametersMap().isEmpty()
        ? ""
        : new TreeMap<>(task.getParametersMap())
            .entrySet().stream()
                .map(each -> each.getKey() + "=" + each.getValue())
                .collect(Collectors.joining(", ", " (", ")"));
  }

  static String instant(Timestamp at) {
    return Instant.ofEpochSecond(at.getSeconds(), at.getNanos())
        .truncatedTo(ChronoUnit.MILLIS)
        .toString();
  }

  static String left(Timestamp until) {
    Duration left =
        Duration.between(
            Instant.now(), Instant.ofEpochSecond(until.getSeconds(), until.getNanos()));
    return left.isNegative() ? "" : "  (" + duration(left) + " left)";
  }

  static Duration time(com.google.protobuf.Duration duration) {
    return Duration.ofSeconds(duration.getSeconds(), duration.getNanos());
  }

  /** In the two largest units; below a minute with tenths. */
  static String duration(Duration duration) {
    long seconds = duration.toSeconds();
    if (seconds >= 86_400) {
      return seconds / 86_400 + "d" + seconds % 86_400 / 3_600 + "h";
    } else if (seconds >= 3_600) {
      return seconds / 3_600 + "h" + seconds % 3_600 / 60 + "m";
    } else if (seconds >= 60) {
      return seconds / 60 + "m" + seconds % 60 + "s";
    }
    return "%.1fs".formatted(duration.toMillis() / 1_000.0);
  }
}
