package io.exeat.attest;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.NullMarked;
import org.junit.jupiter.api.Assumptions;

/** What tests need to know of their own process. */
@NullMarked
public final class TestProcess {
  private TestProcess() {}

  /** This process's uid. */
  public static int uid() {
    try {
      return (Integer) Files.getAttribute(Path.of("/proc/self"), "unix:uid");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The prefix of a command that is to run as {@code uid}; without root the test is skipped. */
  public static List<String> asUid(int uid) {
    Assumptions.assumeTrue(uid() == 0, "running a process as another user needs root");
    return List.of("setpriv", "--reuid", "" + uid, "--regid", "" + uid, "--clear-groups");
  }
}
