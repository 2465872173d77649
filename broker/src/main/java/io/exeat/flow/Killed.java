package io.exeat.flow;

import io.exeat.journal.Kill;
import java.time.Instant;
import java.util.Optional;

/**
 * An agent that is stopped, and how far that has come.
 *
 * @param disabled whether Vault has said that it refuses the agent
 * @param request the operator who asked for its restoration, while another one is waited for
 * @param pending what is still tried, for people
 */
public record Killed(
    Kill kill, boolean disabled, Optional<Request> request, Optional<String> pending) {
  /**
   * @param until when it is void
   */
  public record Request(String by, Instant until) {}
}
