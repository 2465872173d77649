package io.exeat.app;

import java.io.PrintWriter;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;

/** {@code exeat version}. */
@Command(description = "Prints the version.")
final class VersionCommand implements Callable<Integer> {
  private final PrintWriter out;

  VersionCommand(PrintWriter out) {
    this.out = out;
  }

  @Override
  public Integer call() {
    out.println("exeat " + Own.version() + ", Java " + Runtime.version());
    return 0;
  }
}
