package io.exeat.cli;

import io.exeat.v1.RevokeRequest;
import io.exeat.v1.RevokeResponse;
import java.io.PrintWriter;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code exeat revoke}: an operator ends things; always accepted while the broker runs. */
@Command(
    name = "revoke",
    description = {
      "Ends tasks or one lease. For operators.",
      "",
      "Returns with what is proven dead at the target within --timeout; the rest goes on by itself."
    },
    footer = {
      "",
      "Examples:",
      "  exeat revoke --task t0123456789abcdefghij --reason 'went astray'",
      "  exeat revoke --agent spiffe://example.org/agent/billing",
      "  exeat revoke --all --timeout 30s"
    })
public final class RevokeCommand implements Callable<Integer> {
  private final Cli cli;

  @Mixin private Where where = new Where();

  @ArgGroup(multiplicity = "1")
  private What what = new What();

  @Option(names = "--reason", defaultValue = "", description = "Why, for the audit.")
  private String reason = "";

  public RevokeCommand(Cli cli) {
    this.cli = cli;
  }

  /** Exactly one of them. */
  static final class What {
    @Option(names = "--task", paramLabel = "ID", description = "One task, with its sub-tasks.")
    private Optional<String> task = Optional.empty();

    @Option(
        names = "--tree",
        paramLabel = "ID",
        description = "The whole tree of sub-tasks that a task belongs to, from its root.")
    private Optional<String> tree = Optional.empty();

    @Option(
        names = "--grant",
        paramLabel = "NAME",
        description = "Every task whose scope holds this grant.")
    private Optional<String> grant = Optional.empty();

    @Option(names = "--agent", paramLabel = "SPIFFE-ID", description = "Every task of one agent.")
    private Optional<String> agent = Optional.empty();

    @Option(
        names = "--lease",
        paramLabel = "ID",
        description = "One credential, by its identifier or Vault's lease ID.")
    private Optional<String> lease = Optional.empty();

    @Option(names = "--all", description = "Everything.")
    private boolean all;
  }

  @Override
  public Integer call() {
    RevokeRequest.Builder request = RevokeRequest.newBuilder().setReason(reason);
    what.task.ifPresent(request::setTaskId);
    what.tree.ifPresent(request::setTree);
    what.grant.ifPresent(request::setGrant);
    what.agent.ifPresent(request::setAgent);
    what.lease.ifPresent(request::setLease);
    if (what.all) {
      request.setAll(true);
    }
    return Session.asOperator(
        cli,
        where,
        session -> {
          RevokeResponse answer = session.admin().revoke(request.build());
          if (session.json()) {
            session.printJson(answer);
          } else {
            print(answer, session.out());
          }
          return answer.getPendingCount() == 0 ? Exit.OK : Exit.PENDING;
        });
  }

  static void print(RevokeResponse answer, PrintWriter out) {
    String before =
        answer.getAlreadyEnded() == 0 ? "" : ", " + answer.getAlreadyEnded() + " had ended before";
    out.println(answer.getNamed() + " named, " + answer.getProvenDead() + " proven dead" + before);
    if (answer.getNamed() == 0 && answer.getAlreadyEnded() == 0) {
      out.println("nothing matched; exeat task list says what there is");
    }
    answer
        .getPendingList()
        .forEach(one -> out.println(one.getTaskId() + "  still revoking: " + one.getReason()));
  }
}
