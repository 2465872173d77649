package io.exeat.app;

import java.io.PrintWriter;
import java.time.Duration;
import java.util.function.BooleanSupplier;

/** What the doctor found, printed as it is found. */
final class Findings {
  static final Duration PATIENCE = Duration.ofSeconds(10);

  private final PrintWriter out;
  private int failed;

  Findings(PrintWriter out) {
    this.out = out;
  }

  int failed() {
    return failed;
  }

  /**
   * @param seen what was looked at; empty for nothing worth telling
   * @param mend what to do when it is not fine
   */
  void check(String what, boolean fine, String seen, String mend) {
    out.println((fine ? "ok    " : "WRONG ") + what + (seen.isEmpty() ? "" : ": " + seen.strip()));
    if (!fine) {
      failed++;
      out.println("      -> " + mend);
    }
    out.flush();
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
