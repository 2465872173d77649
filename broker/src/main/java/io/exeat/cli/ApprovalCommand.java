package io.exeat.cli;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.json.JsonWriteFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.exeat.v1.Approval;
import io.exeat.v1.ApprovalRequest;
import io.exeat.v1.ApproveRequest;
import io.exeat.v1.ApproveResponse;
import io.exeat.v1.RejectRequest;
import io.exeat.v1.WaitingRequest;
import io.exeat.v1.WaitingResponse;
import java.io.PrintWriter;
import java.time.Duration;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code exeat approval}: people's yes and no to the calls that policy will not permit without. */
@Command(
    name = "approval",
    description = "See the calls that wait for a person, and say yes or no to one.",
    synopsisSubcommandLabel = "COMMAND")
public final class ApprovalCommand {

  /** What a caller sent is shown in ASCII: it cannot make a terminal show something else. */
  private static final JsonMapper ASCII =
      JsonMapper.builder().enable(JsonWriteFeature.ESCAPE_NON_ASCII).build();

  private final Cli cli;

  public ApprovalCommand(Cli cli) {
    this.cli = cli;
  }

  @Command(
      description = {
        "Prints what waits for a yes, oldest first, with everything that the yes would be for.",
        "For operators, and for whom the catalogue names in an agent's approvers (with --to)."
      },
      footer = {"", "Example:", "  exeat approval list"})
  int list(@Mixin Where where) {
    return Session.asOperator(
        cli,
        where,
        session -> {
          WaitingResponse answer = session.approvals().waiting(WaitingRequest.getDefaultInstance());
          if (session.json()) {
            session.printJson(answer);
            return Exit.OK;
          }
          answer.getRequestsList().forEach(each -> print(each, session.out()));
          if (answer.getRequestsCount() == 0) {
            session.out().println("nothing waits for a yes");
          } else if (answer.getMore()) {
            session.out().println("and more; answer these first");
          }
          return Exit.OK;
        });
  }

  @Command(
      description = {
        "Says yes to one call: exactly as it was asked for, once, for a short time. The agent"
            + " repeats it.",
        "",
        "Ends with 4 while somebody else's yes is still missing. With 0 it has every yes that was",
        "asked for so far: policy decides again when the agent repeats the call, and may ask for",
        "more then. That is known only then, and is a line of its own in `exeat approval list`."
      },
      footer = {
        "",
        "Example:",
        "  exeat approval approve d0123456789abcdefghij --reason 'refund checked'"
      })
  int approve(
      @Mixin Where where,
      @Parameters(paramLabel = "ID", description = "The decision that asked.") String id,
      @Option(
              names = "--for",
              paramLabel = "TIME",
              defaultValue = "5m",
              converter = Where.Time.class,
              description = "How long the yes is good for: 1s to 1h (${DEFAULT-VALUE}).")
          Duration validFor,
      @Option(names = "--reason", required = true, description = "Why, for the audit.")
          String reason) {
    ApproveRequest request =
        ApproveRequest.newBuilder()
            .setDecisionId(id)
            .setValidFor(
                com.google.protobuf.Duration.newBuilder()
                    .setSeconds(validFor.toSeconds())
                    .setNanos(validFor.toNanosPart()))
            .setReason(reason)
            .build();
    return Session.asOperator(
        cli,
        where,
        session -> {
          ApproveResponse answer = session.approvals().approve(request);
          ApprovalRequest now = answer.getRequest();
          if (session.json()) {
            session.printJson(answer);
          } else if (now.getMissingCount() == 0) {
            session.out().println("approved, for the agent's next call like it, once");
            session
                .out()
                .println(
                    "policy decides that call again, with this yes: if it asks for another's too,"
                        + " the call waits anew (exeat approval list)"
                        + (now.getApprovalsList().stream().anyMatch(it -> isUid(it.getBy()))
                            ? ", and a uid's yes is void: it names no person"
                            : ""));
          } else {
            session
                .out()
                .println(
                    "approved; it still needs the yes of "
                        + String.join(" and ", now.getMissingList()));
          }
          return now.getMissingCount() == 0 ? Exit.OK : Exit.PENDING;
        });
  }

  private static boolean isUid(String person) {
    return !person.startsWith("spiffe://");
  }

  @Command(
      description = "Says no to one call. The agent is told why, and again if it repeats it.",
      footer = {
        "",
        "Example:",
        "  exeat approval reject d0123456789abcdefghij --reason 'not this customer'"
      })
  int reject(
      @Mixin Where where,
      @Parameters(paramLabel = "ID", description = "The decision that asked.") String id,
      @Option(
              names = "--reason",
              required = true,
              description = "Why, for the audit and the agent.")
          String reason) {
    RejectRequest request = RejectRequest.newBuilder().setDecisionId(id).setReason(reason).build();
    return Session.asOperator(
        cli,
        where,
        session -> {
          var answer = session.approvals().reject(request);
          if (session.json()) {
            session.printJson(answer);
          } else {
            session.out().println("rejected");
          }
          return Exit.OK;
        });
  }

  private static void print(ApprovalRequest request, PrintWriter out) {
    out.println(
        "%s  %s%s"
            .formatted(
                request.getDecisionId(),
                request.getAgent(),
                request.getTaskId().isEmpty() ? "" : "  " + request.getTaskId()));
    for (String text : request.getQuestionsJsonList()) {
      JsonNode question = read(text);
      out.println(
          "  "
              + ascii(question.path("action"))
              + " "
              + ascii(question.path("tool"))
              + " on "
              + ascii(question.path("resource"))
              + " to "
              + ascii(question.path("destination")));
      out.println("    with   " + ascii(question.path("arguments")));
      if (!question.at("/arguments/omitted").isEmpty()) {
        out.println("    NOT SHOWN, too long: " + ascii(question.at("/arguments/omitted")));
      }
      out.println(
          "    as     %s, risk %s, from %s of %s"
              .formatted(
                  ascii(question.path("step")),
                  question.path("risk"),
                  ascii(question.path("source")),
                  ascii(question.at("/agent/attestation"))));
      out.println("    after  " + ascii(question.path("history")));
      out.println("    task   " + ascii(question.path("task")));
    }
    out.println("  because  " + String.join(", ", request.getBecauseList()));
    for (Approval yes : request.getApprovalsList()) {
      out.println(
          "  yes      %s, as %s, until %s"
              .formatted(yes.getBy(), yes.getAs(), Text.instant(yes.getValidUntil())));
    }
    out.println(
        request.getMissingCount() == 0
            ? "  approved, and not used yet"
            : "  needs    the yes of %s, before %s%s"
                .formatted(
                    String.join(" and ", request.getMissingList()),
                    Text.instant(request.getVoidAt()),
                    Text.left(request.getVoidAt())));
  }

  private static JsonNode read(String json) {
    try {
      return ASCII.readTree(json);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("a broker's question is no JSON", e);
    }
  }

  private static String ascii(JsonNode node) {
    try {
      return ASCII.writeValueAsString(node);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("a JSON tree cannot be written", e);
    }
  }
}
