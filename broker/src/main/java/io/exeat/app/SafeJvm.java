package io.exeat.app;

import io.exeat.base.CannotStart;
import java.lang.management.ManagementFactory;
import java.util.List;
import java.util.Optional;

/**
 * What the JVM was told when it was started. It lets a process of its own user attach, and so read
 * all of its memory, unless told otherwise; debuggers and dumps are as open.
 */
final class SafeJvm {
  private static final String REMEDY =
      "Start it with ./exeat, or as `./exeat options` says; what EXEAT_JAVA_OPTS, JAVA_TOOL_OPTIONS"
          + " and JDK_JAVA_OPTIONS add is looked at too.";

  private static final String ATTACH = "DisableAttachMechanism";

  /** What a diagnosis wants and a secret does not survive. */
  private static final List<String> OPEN =
      List.of(
          "-agentlib:", "-agentpath:", "-javaagent:", "-Xrun", "-Xdebug", "-Dcom.sun.management.");

  private SafeJvm() {}

  /**
   * Looks at this JVM.
   *
   * @throws CannotStart when it may be attached to, debugged, or writes its heap to a file
   */
  static void check() {
    check(ManagementFactory.getRuntimeMXBean().getInputArguments());
  }

  /** The same for options in the order in which they were given: the last one holds. */
  static void check(List<String> options) {
    if (!last(options, ATTACH).orElse(false)) {
      throw new CannotStart(
          "other processes of this user may attach to this JVM and read its memory: there is no"
              + " -XX:+DisableAttachMechanism",
          REMEDY);
    }
    for (String dump :
        List.of("HeapDumpOnOutOfMemoryError", "HeapDumpBeforeFullGC", "HeapDumpAfterFullGC")) {
      if (last(options, dump).orElse(false)) {
        throw new CannotStart(
            "this JVM would write its memory, with secrets, to a file: -XX:+" + dump, REMEDY);
      }
    }
    for (String option : options) {
      if (OPEN.stream().anyMatch(option::startsWith)) {
        throw new CannotStart("this JVM is open to debuggers and agents: " + option, REMEDY);
      }
    }
  }

  private static Optional<Boolean> last(List<String> options, String flag) {
    return options.stream()
        .filter(it -> it.equals("-XX:+" + flag) || it.equals("-XX:-" + flag))
        .reduce((_, next) -> next)
        .map(it -> it.charAt(4) == '+');
  }
}
