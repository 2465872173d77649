package io.exeat.cli;

import io.exeat.v1.KillRequest;
import io.exeat.v1.KillResponse;
import io.exeat.v1.Killed;
import io.exeat.v1.KillsRequest;
import io.exeat.v1.KillsResponse;
import java.io.PrintWriter;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code exeat kill}: an operator stops an agent. */
@Command(
    name = "kill",
    description = {
      "Stops an agent: ends everything that it has, has Vault refuse it, and gives it no task until two",
      "operators have asked for exeat unkill. For operators.",
      "",
      "It is cut off at this broker when the command returns, whatever else is away. Ends with 4 while",
      "something is not proven dead, not written down or not disabled in Vault: that is retried until it",
      "is. Other brokers of the agent are held back by Vault alone: kill it at each of them."
    },
    footer = {
      "",
      "Examples:",
      "  exeat kill --agent spiffe://example.org/agent/billing --reason 'talks to strangers'",
      "  exeat kill --list"
    })
public final class KillCommand implements Callable<Integer> {
  private final Cli cli;

  @Mixin private Where where = new Where();

  @ArgGroup(multiplicity = "1")
  private What what = new What();

  public KillCommand(Cli cli) {
    this.cli = cli;
  }

  /** One of them. */
  static final class What {
    @ArgGroup(exclusive = false)
    private @Nullable Whom whom;

    @Option(names = "--list", description = "Prints the agents that are stopped.")
    private boolean list;
  }

  /** Both of them. */
  static final class Whom {
    @Option(
        names = "--agent",
        required = true,
        paramLabel = "SPIFFE-ID",
        description = "Which agent, exactly.")
    private String agent = "";

    @Option(names = "--reason", required = true, description = "Why, for the audit.")
    private String reason = "";
  }

  @Override
  public Integer call() {
    return Session.asOperator(
        cli,
        where,
        session -> what.whom == null || what.list ? list(session) : kill(session, what.whom));
  }

  private static int kill(Session session, Whom whom) {
    KillResponse answer =
        session
            .admin()
            .kill(KillRequest.newBuilder().setAgent(whom.agent).setReason(whom.reason).build());
    boolean complete =
        answer.getEnded().getPendingCount() == 0
            && answer.getRecorded()
            && answer.getKilled().getDisabledInVault();
    if (session.json()) {
      session.printJson(answer);
    } else {
      session
          .out()
          .println("stopped: " + answer.getKilled().getAgent() + " gets no more tasks here");
      RevokeCommand.print(answer.getEnded(), session.out());
      if (!answer.getRecorded()) {
        session.out().println("NOT in the journal yet: a restart would forget it");
      }
      pending(answer.getKilled(), session.out());
    }
    return complete ? Exit.OK : Exit.PENDING;
  }

  private static int list(Session session) {
    KillsResponse answer = session.admin().kills(KillsRequest.getDefaultInstance());
    if (session.json()) {
      session.printJson(answer);
      return Exit.OK;
    }
    PrintWriter out = session.out();
    for (Killed one : answer.getKillsList()) {
      out.println(
          "%s  since %s by %s: %s"
              .formatted(
                  one.getAgent(), Text.instant(one.getKilledAt()), one.getBy(), one.getReason()));
      pending(one, out);
      if (!one.getRestorationAskedBy().isEmpty()) {
        out.println(
            "  %s has asked to restore it; another operator must too, before %s"
                .formatted(one.getRestorationAskedBy(), Text.instant(one.getRestorationVoidAt())));
      }
    }
    return Exit.OK;
  }

  private static void pending(Killed one, PrintWriter out) {
    if (!one.getDisabledInVault()) {
      out.println("  NOT disabled in Vault yet; it is tried until it is");
    }
    if (!one.getPendingReason().isEmpty()) {
      out.println("  " + one.getPendingReason());
    }
  }
}
