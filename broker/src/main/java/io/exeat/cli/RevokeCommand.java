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
      "  exeat revoke --all --timeout 30s",
      "  exeat revoke --direct --agent spiffe://example.org/agent/billing --dry-run",
      "",
      "--direct acts on tokens alone that carry a broker's metadata. What cannot be recalled works",
      "until its end. Your login needs list on auth/token/accessors and on",
      "sys/leases/lookup/database/creds (both with sudo), update on auth/token/lookup-accessor,",
      "auth/token/revoke-accessor, sys/leases/lookup and sys/leases/revoke. It ends with 4 for"
          + " what",
      "is not ended yet, and prints how to look at the database: Vault's word alone is no proof."
    })
public final class RevokeCommand implements Callable<Integer> {
  private final Cli cli;

  @Mixin private Where where = new Where();

  @ArgGroup(multiplicity = "1")
  private What what = new What();

  @Option(names = "--reason", defaultValue = "", description = "Why, for the audit.")
  private String reason = "";

  @Option(
      names = "--direct",
      description =
          "There is no broker to ask: end it in Vault itself, with VAULT_ADDR, VAULT_CACERT and"
              + " VAULT_TOKEN, or the token file of a login with Vault's command line.")
  private boolean isDirect;

  @Option(names = "--dry-run", description = "With --direct: only print what would be ended.")
  private boolean dryRun;

  @Option(
      names = "--yes",
      description = "With --direct --all: yes, of every broker that uses this Vault.")
  private boolean yes;

  private final Direct direct;

  /**
   * @param direct asked when there is no broker to ask
   */
  public RevokeCommand(Cli cli, Direct direct) {
    this.cli = cli;
    this.direct = direct;
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
    if (isDirect) {
      return direct();
    }
    if (dryRun || yes) {
      return misused("--dry-run and --yes are for --direct");
    }
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

  private int direct() {
    if (what.lease.isPresent() || what.tree.isPresent()) {
      return misused("--direct knows no --lease and no --tree: name tasks or the agent");
    }
    if (what.all && !yes && !dryRun) {
      return misused(
          "--direct --all ends the tasks of every broker that uses this Vault; look with --dry-run,"
              + " then say --yes");
    }
    return direct.revoke(new Direct.What(what.task, what.agent, what.grant), dryRun, cli);
  }

  private int misused(String why) {
    cli.err().println("exeat: " + why);
    cli.err().flush();
    return Exit.USAGE;
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
