package io.exeat.app;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/** This process and this build. */
final class Own {
  private Own() {}

  /** The uid that this process runs as. */
  static int uid() {
    try {
      return (Integer) Files.getAttribute(Path.of("/proc/self"), "unix:uid");
    } catch (IOException e) {
      throw new IllegalStateException("/proc/self cannot be read", e);
    }
  }

  /** Of the jar; {@code development} in a folder of classes. */
  static String version() {
    return Optional.ofNullable(Own.class.getPackage().getImplementationVersion())
        .orElse("development");
  }
}
