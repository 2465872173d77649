package io.exeat.cli;

import java.util.Optional;

/** Ends things in Vault itself, with the operator's own login there; the wiring knows how. */
@FunctionalInterface
public interface Direct {
  /**
   * Prints what it finds and does.
   *
   * @return the exit code
   */
  int revoke(What what, boolean dryRun, Cli cli);

  /** What is meant; all of them must fit, and none is everything. */
  record What(Optional<String> task, Optional<String> agent, Optional<String> grant) {}
}
