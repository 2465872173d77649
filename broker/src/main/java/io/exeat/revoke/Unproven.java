package io.exeat.revoke;

import io.exeat.revoke.TargetVerifier.Mark;
import java.time.Duration;

/**
 * Something that is not proven dead yet.
 *
 * @param age since its end was asked for, or since this run began to end it
 * @param waitsFor what is away, such as {@code TARGET+VAULT}; ALIVE when all answer; ITS_END when
 *     nobody can take it back
 * @param reason for people
 */
public record Unproven(Mark mark, Duration age, String waitsFor, String reason) {
  /** What it waits for that cannot be taken back. */
  static final String ITS_END = "ITS_END";

  /** After which it is on record, and seen in a status, that something is still alive. */
  private static final Duration OVERDUE = Duration.ofSeconds(30);

  /** Whether it takes longer than it ever should while everything answers. */
  public boolean isOverdue() {
    return age.compareTo(OVERDUE) > 0 && !waitsFor.equals(ITS_END);
  }

  String inWords() {
    return isOverdue() ? "for " + age.toSeconds() + " s now: " + reason : reason;
  }
}
