package io.exeat.policy;

import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;

/** Which engine decides, and on what. */
public sealed interface PolicyConfig {
  /** The longest time for a decision; one that takes longer is none. */
  Duration within();

  /**
   * Cedar, in this process.
   *
   * @param folder of {@code *.cedar} and {@code *.cases.yaml}, watched; empty for what ships with
   *     Exeat
   */
  record Cedar(Optional<Path> folder, Duration within) implements PolicyConfig {}

  /**
   * An OPA server.
   *
   * @param address such as {@code http://127.0.0.1:8181}
   * @param decision the path of the decision below {@code /v1/data}, such as {@code exeat/decision}
   */
  record Opa(URI address, String decision, Duration within) implements PolicyConfig {}
}
