package io.exeat.app;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import io.exeat.cli.Exit;
import java.io.PrintWriter;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code exeat version}. */
@Command(name = "version", description = "Prints the version.")
final class VersionCommand implements Callable<Integer> {
  private final PrintWriter out;

  @Option(names = "--json", description = "Print JSON.")
  private boolean json;

  VersionCommand(PrintWriter out) {
    this.out = out;
  }

  @Override
  public Integer call() {
    String java = Runtime.version().toString();
    if (json) {
      out.println(
          JsonNodeFactory.instance.objectNode().put("version", Own.version()).put("java", java));
    } else {
      out.println("exeat " + Own.version() + ", Java " + java);
    }
    return Exit.OK;
  }
}
