package io.exeat.it.checker;

import java.time.Duration;
import java.util.List;
import java.util.Locale;

/**
 * What there was to see.
 *
 * @param tasks on record
 * @param records of the audit chain
 * @param ticks complete looks
 * @param samples looks at the database
 * @param stalled how long the machine did not let the checker run, twice
 * @param canaries secrets that were searched for
 */
public record Verdict(
    List<Violation> violations,
    Account account,
    Outlived outlived,
    int tasks,
    long records,
    long ticks,
    long samples,
    Duration stalled,
    int canaries) {
  @Override
  public String toString() {
    return String.format(
        Locale.ROOT,
        "%d tasks, %d records, %d looks, %d samples (stalled %d ms), %d secrets searched for%n"
            + "  issued %d = live %d + revoked %d + expired %d + orphans %d + open %d%n"
            + "  %s%n"
            + "  violations: %d%s",
        tasks,
        records,
        ticks,
        samples,
        stalled.toMillis(),
        canaries,
        account.issued(),
        account.live(),
        account.revoked(),
        account.expired(),
        account.orphans(),
        account.open().size(),
        outlived,
        violations.size(),
        violations.isEmpty() ? "" : "\n    " + String.join("\n    ", lines()));
  }

  private List<String> lines() {
    return violations.stream().map(Violation::toString).toList();
  }
}
