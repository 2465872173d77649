package io.exeat.cli;

import io.exeat.v1.UnkillRequest;
import io.exeat.v1.UnkillResponse;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code exeat unkill}: two operators restore an agent. */
@Command(
    name = "unkill",
    description = {
      "Asks for the restoration of a stopped agent. For operators with an SVID of their own (--to): it",
      "takes two different ones. The first one's request waits 15 minutes for the other's.",
      "",
      "Ends with 4 while another operator, or something that has to be done first, is waited for."
    },
    footer = {
      "",
      "Example:",
      "  exeat unkill --agent spiffe://example.org/agent/billing --reason 'prompt mended' \\",
      "      --to broker.example.org:8443 --broker-id spiffe://example.org/host/h1/broker"
    })
public final class UnkillCommand implements Callable<Integer> {
  private final Cli cli;

  @Mixin private Where where = new Where();

  @Option(
      names = "--agent",
      required = true,
      paramLabel = "SPIFFE-ID",
      description = "Which agent, exactly.")
  private String agent = "";

  @Option(names = "--reason", required = true, description = "Why, for the audit.")
  private String reason = "";

  public UnkillCommand(Cli cli) {
    this.cli = cli;
  }

  @Override
  public Integer call() {
    return Session.asOperator(
        cli,
        where,
        session -> {
          UnkillResponse answer =
              session
                  .admin()
                  .unkill(UnkillRequest.newBuilder().setAgent(agent).setReason(reason).build());
          if (session.json()) {
            session.printJson(answer);
          } else {
            session.out().println(text(answer));
          }
          return answer.getRestored() ? Exit.OK : Exit.PENDING;
        });
  }

  private static String text(UnkillResponse answer) {
    return switch (answer.getResultCase()) {
      case RESTORED -> "restored: it may open tasks again";
      case PENDING_REASON -> "two have asked; not done yet: " + answer.getPendingReason();
      case WAITS_UNTIL ->
          "asked; another operator must ask too, before " + Text.instant(answer.getWaitsUntil());
      case RESULT_NOT_SET -> "no answer";
    };
  }
}
