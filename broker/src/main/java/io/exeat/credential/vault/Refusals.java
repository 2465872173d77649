package io.exeat.credential.vault;

import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import java.time.Duration;
import java.util.regex.Pattern;

/**
 * What Vault's answers mean to us. The status decides; Vault's words only where one status means
 * two things, and then the careful meaning is the default. Vault's words go to the log, as the
 * cause, and not to callers: they name hosts and accounts.
 */
final class Refusals {
  private static final Duration RETRY = Duration.ofSeconds(1);

  /** One error and no other, with the prefix that Vault puts before a list of one. */
  private static final Pattern NOT_REACHED =
      Pattern.compile(
          "(?:1 error occurred:\\s+\\* )?(?:unable to start transaction|unable to get connection): .*",
          Pattern.DOTALL);

  private Refusals() {}

  static FaultException of(NoAnswer problem) {
    return new FaultException(fault(problem), problem);
  }

  static Fault.Unavailable fault(NoAnswer problem) {
    return vault(problem.sent() ? "Vault did not answer" : "Vault cannot be reached");
  }

  /** Of an answer that is no success. */
  static FaultException of(String what, Answer answer) {
    return new FaultException(fault(what, answer), said(answer));
  }

  static Fault.Unavailable fault(String what, Answer answer) {
    return switch (answer.status()) {
      case 429 -> vault("Vault has too much to do");
      case 503 -> vault("Vault is sealed or not ready");
      case 404, 405 -> vault("Vault has no way to " + what + ": run exeat vault apply");
      default ->
          answer.status() >= 500
              ? vault("Vault could not " + what)
              : answer.says("entity from given entity alias is disabled")
                  ? vault("Vault refused to " + what + ": the agent is disabled there")
                  : vault("Vault refused to " + what + ": if this lasts, run exeat vault apply");
    };
  }

  /** Vault's words, for the log. */
  static IllegalStateException said(Answer answer) {
    return new IllegalStateException("Vault answered " + answer.status() + ": " + answer.errors());
  }

  /**
   * Whether Vault said that it got no connection to the target, so that nothing was made there. The
   * database plugin says so before its first statement, at the beginning of a text of its own; the
   * same words anywhere else, such as in what the target said of a statement, mean nothing.
   */
  static boolean targetNotReached(Answer answer) {
    return answer.onlySays(NOT_REACHED);
  }

  static Fault.Unavailable vault(String problem) {
    return new Fault.Unavailable(Fault.Dependency.VAULT, problem, RETRY);
  }

  static Fault.Unavailable target(String problem) {
    return new Fault.Unavailable(Fault.Dependency.TARGET, problem, RETRY);
  }
}
