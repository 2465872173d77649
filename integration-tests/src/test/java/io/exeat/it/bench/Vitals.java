package io.exeat.it.bench;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;

/**
 * What the kernel says of a process.
 *
 * @param sockets {@link #UNSEEN} to others than root, who may not look into a sidecar
 */
record Vitals(int threads, int sockets, double residentMebibytes) {
  private static final int UNSEEN = -1;

  static Vitals of(long pid) {
    Path proc = Path.of("/proc", Long.toString(pid));
    try {
      return new Vitals(
          (int) status(proc, "Threads:"), sockets(proc), status(proc, "VmRSS:") / 1024.0);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static int sockets(Path proc) throws IOException {
    try (Stream<Path> open = Files.list(proc.resolve("fd"))) {
      return (int) open.filter(Vitals::isSocket).count();
    } catch (AccessDeniedException e) {
      return UNSEEN;
    }
  }

  private static boolean isSocket(Path descriptor) {
    try {
      return Files.readSymbolicLink(descriptor).toString().startsWith("socket:");
    } catch (IOException e) {
      return false;
    }
  }

  private static long status(Path proc, String field) throws IOException {
    return Files.readAllLines(proc.resolve("status")).stream()
        .filter(line -> line.startsWith(field))
        .map(line -> line.replaceAll("[^0-9]", ""))
        .mapToLong(Long::parseLong)
        .findFirst()
        .orElseThrow();
  }

  @Override
  public String toString() {
    return "%d threads, %s sockets, %.0f MiB resident"
        .formatted(threads, sockets == UNSEEN ? "unseen" : sockets, residentMebibytes);
  }
}
