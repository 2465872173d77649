package io.exeat.cli;

import io.exeat.v1.DependencyStatus;
import io.exeat.v1.PolicyStatus;
import io.exeat.v1.StatusRequest;
import io.exeat.v1.StatusResponse;
import java.io.PrintWriter;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** {@code exeat status}: how the broker is, and what is not proven dead yet. */
@Command(
    name = "status",
    description = {
      "Prints how the broker and what it depends on are. For operators.",
      "",
      "Ends with 3 when something that it needs is away, with 4 when something is still being"
          + " revoked."
    })
public final class StatusCommand implements Callable<Integer> {
  private final Cli cli;

  @Mixin private Where where = new Where();

  public StatusCommand(Cli cli) {
    this.cli = cli;
  }

  @Override
  public Integer call() {
    return Session.asOperator(
        cli,
        where,
        session -> {
          StatusResponse status = session.admin().status(StatusRequest.getDefaultInstance());
          if (session.json()) {
            session.printJson(status);
          } else {
            print(status, session.out());
          }
          boolean away = status.getDependenciesList().stream().anyMatch(one -> !one.getAvailable());
          if (away) {
            return Exit.UNAVAILABLE;
          }
          return status.getPendingCount() == 0 ? Exit.OK : Exit.PENDING;
        });
  }

  private static void print(StatusResponse status, PrintWriter out) {
    out.println(
        "exeat "
            + status.getVersion()
            + ", up "
            + Text.duration(Text.time(status.getUptime()))
            + ", "
            + (status.getSpiffeId().isEmpty()
                ? "without an SVID"
                : status.getSpiffeId() + " until " + Text.instant(status.getSvidExpiresAt())));
    out.println(
        "tasks        " + status.getTasksOpen() + " open, " + status.getTasksEnding() + " ending");
    out.println(
        "credentials  "
            + status.getCredentialsActive()
            + " active, "
            + status.getCredentialsRevoking()
            + " being revoked");
    if (status.hasPolicy()) {
      out.println("policies     " + policies(status.getPolicy()));
    }
    for (DependencyStatus one : status.getDependenciesList()) {
      out.println(
          "%-12s %s"
              .formatted(
                  one.getName(),
                  one.getAvailable()
                      ? "ok"
                      : "AWAY since " + Text.instant(one.getSince()) + ": " + one.getProblem()));
    }
    status
        .getPendingList()
        .forEach(one -> out.println("pending      " + one.getTaskId() + ": " + one.getReason()));
  }

  private static String policies(PolicyStatus policies) {
    if (policies.getSha256().isEmpty()) {
      return "NONE in force: everything is denied";
    }
    return policies.getSha256()
        + (policies.hasAge()
            ? ", taken " + Text.duration(Text.time(policies.getAge())) + " ago"
            : "")
        + (policies.getReloadFailed() ? "; the last reload FAILED" : "");
  }
}
