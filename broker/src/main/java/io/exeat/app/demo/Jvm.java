package io.exeat.app.demo;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Commands that run a class of ours in a JVM like this one: the same options, the same jar. */
final class Jvm {
  private Jvm() {}

  static List<String> command(Class<?> main, String... arguments) {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(options());
    command.addAll(List.of("-cp", absolute(System.getProperty("java.class.path")), main.getName()));
    command.addAll(List.of(arguments));
    return command;
  }

  /** What this JVM was started with, up to what it was to run. */
  private static List<String> options() {
    String[] given = ProcessHandle.current().info().arguments().orElse(new String[0]);
    List<String> options = new ArrayList<>();
    for (String each : given) {
      if (each.equals("-jar")
          || each.equals("-cp")
          || each.equals("--class-path")
          || !each.startsWith("-")) {
        break;
      }
      options.add(each);
    }
    if (options.isEmpty()) {
      options.addAll(List.of("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"));
    }
    // The manifest says so for -jar alone.
    if (!options.contains("--enable-native-access=ALL-UNNAMED")) {
      options.add("--enable-native-access=ALL-UNNAMED");
    }
    // Or no sidecar starts in it.
    if (!options.contains("-XX:+DisableAttachMechanism")) {
      options.add("-XX:+DisableAttachMechanism");
    }
    if (options.stream().noneMatch(it -> it.contains("newSessionTicketCount"))) {
      options.add("-Djdk.tls.server.newSessionTicketCount=0");
    }
    return options;
  }

  private static String absolute(String classPath) {
    return String.join(
        ":",
        Arrays.stream(classPath.split(":", -1))
            .map(each -> Path.of(each).toAbsolutePath().toString())
            .toList());
  }
}
