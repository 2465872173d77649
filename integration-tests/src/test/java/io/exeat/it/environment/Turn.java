package io.exeat.it.environment;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.function.Supplier;

/** What the JVMs of one run share is made by one of them, while the others wait to find it. */
final class Turn {
  private Turn() {}

  static synchronized <T> T take(Supplier<T> work) {
    Path lock = Packaged.jar().resolveSibling("integration-tests.lock");
    try (FileChannel channel =
            FileChannel.open(lock, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        var _ = channel.lock()) {
      return work.get();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
