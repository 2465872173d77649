package io.exeat.app.demo;

import java.io.PrintWriter;
import java.util.function.Predicate;

/** What a person sees: scenes, what is done, and whether each claim was true. */
final class Screen {
  private final PrintWriter out;
  private final long begun = System.nanoTime();
  private int claims;
  private int untrue;

  /** The answer in the line above. */
  private String above = "";

  Screen(PrintWriter out) {
    this.out = out;
  }

  /** A line of setting up, with the seconds since the beginning. */
  synchronized void progress(String what) {
    out.println("  %5.1fs  %s".formatted(seconds(), what));
    out.flush();
  }

  void scene(String title) {
    out.println();
    out.println("== " + title);
    out.flush();
  }

  /** A command, an order, or an explanation. */
  void say(String text) {
    out.println("   " + text);
    out.flush();
  }

  /** Who does what, and the answer. */
  void done(String who, String what, String answer) {
    out.println("   %-8s %s -> %s".formatted(who, what, answer));
    above = answer;
    out.flush();
  }

  /** A claim that was looked at, with what was seen where the line above does not say it. */
  void claim(String claim, boolean isTrue, String seen) {
    boolean isSaid = seen.isEmpty() || (isTrue && above.contains(seen));
    claims++;
    if (!isTrue) {
      untrue++;
    }
    out.println(
        "   %s %s%s".formatted(isTrue ? "[ok]  " : "[FAIL]", claim, isSaid ? "" : ": " + seen));
    out.flush();
  }

  void claim(String claim, String seen, Predicate<String> expected) {
    claim(claim, expected.test(seen), seen);
  }

  boolean allTrue() {
    return untrue == 0;
  }

  double seconds() {
    return (System.nanoTime() - begun) / 1e9;
  }

  void end() {
    out.println();
    out.println(
        untrue == 0
            ? "   All %d claims were looked at where they must be true, and were. %.0f s."
                .formatted(claims, seconds())
            : "   %d of %d claims were NOT true. %.0f s.".formatted(untrue, claims, seconds()));
    out.flush();
  }
}
