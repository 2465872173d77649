package io.exeat.it.identity;

import io.exeat.attest.PidNamespace;
import io.exeat.base.CannotStart;
import io.exeat.identity.SpiffeTransport;
import java.nio.file.Path;
import java.time.Duration;

/** A process that asks whether it may send PIDs, and prints the answer. */
public final class PidNamespaceProbe {
  private PidNamespaceProbe() {}

  /** With the socket's path. */
  public static void main(String[] arguments) {
    try (SpiffeTransport transport = new SpiffeTransport()) {
      PidNamespace.check(Path.of(arguments[0]), transport, Duration.ofSeconds(5));
      System.out.println("the same");
    } catch (CannotStart e) {
      System.out.println("refused: " + String.valueOf(e.getMessage()).replace("\n  ", "; "));
    }
  }
}
