package io.exeat.app;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import io.exeat.gateway.Faults;
import java.io.PrintWriter;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.BooleanSupplier;

/** What the doctor found; for people printed as it is found, for programs at the end. */
final class Findings {
  static final Duration PATIENCE = Duration.ofSeconds(10);

  private final PrintWriter out;
  private final boolean json;
  private final List<Finding> all = new ArrayList<>();

  Findings(PrintWriter out, boolean json) {
    this.out = out;
    this.json = json;
  }

  /** What came of one look. */
  enum State {
    OK,
    WRONG,
    /** It cannot be seen from here, or not before something else is mended. */
    UNSEEN
  }

  /**
   * One look.
   *
   * @param check which, of the list in {@code docs/cli.md}
   * @param subject at what: a path, a name; empty when there is but one
   * @param seen what was seen, or why nothing
   * @param mend what to do; empty when it is fine
   */
  record Finding(String check, String subject, State state, String seen, String mend) {}

  void ok(String check, String subject, String seen) {
    add(new Finding(check, subject, State.OK, seen, ""));
  }

  void wrong(String check, String subject, String seen, String mend) {
    add(new Finding(check, subject, State.WRONG, seen, mend));
  }

  void unseen(String check, String subject, String seen, String mend) {
    add(new Finding(check, subject, State.UNSEEN, seen, mend));
  }

  private void add(Finding finding) {
    all.add(finding);
    if (json) {
      return;
    }
    out.printf(
        "%-6s  %s%s: %s%n",
        finding.state() == State.WRONG ? "WRONG" : finding.state().name().toLowerCase(Locale.ROOT),
        finding.check(),
        finding.subject().isEmpty() ? "" : " " + finding.subject(),
        finding.seen().strip());
    if (!finding.mend().isEmpty()) {
      out.println("        -> " + finding.mend());
    }
    out.flush();
  }

  /** Says what it comes to; whether nothing is wrong. */
  boolean conclude() {
    long wrong = count(State.WRONG);
    long unseen = count(State.UNSEEN);
    if (json) {
      out.println(toJson(wrong, unseen));
    } else {
      out.println(
          (wrong == 0 ? "Nothing is wrong" : wrong + " to mend")
              + (unseen == 0 ? "." : "; " + unseen + " not seen from here."));
    }
    out.flush();
    return wrong == 0;
  }

  private ObjectNode toJson(long wrong, long unseen) {
    ObjectNode node = JsonNodeFactory.instance.objectNode();
    node.put("ok", wrong == 0).put("wrong", wrong).put("unseen", unseen);
    ArrayNode checks = node.putArray("checks");
    for (Finding each : all) {
      checks
          .addObject()
          .put("check", each.check())
          .put("subject", each.subject())
          .put("state", each.state().name())
          .put("seen", each.seen())
          .put("mend", each.mend());
    }
    return node;
  }

  private long count(State state) {
    return all.stream().filter(each -> each.state() == state).count();
  }

  /** A fault for people: of something away the problem alone, because nobody asked for a loan. */
  static String words(FaultException e) {
    if (e.fault() instanceof Fault.Unavailable away) {
      return away.problem();
    }
    return String.valueOf(Faults.toGrpc(e.fault()).getStatus().getDescription());
  }

  /** Whether it becomes so before {@link #PATIENCE} is over. */
  static boolean until(BooleanSupplier there) {
    long end = System.nanoTime() + PATIENCE.toNanos();
    while (!there.getAsBoolean()) {
      if (System.nanoTime() - end > 0) {
        return false;
      }
      Setup.pause(Duration.ofMillis(50));
    }
    return true;
  }
}
