package io.exeat.it.bench;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;

/** What the kernel says of a process. */
record Vitals(int threads, int sockets, double residentMebibytes) {
  static Vitals of(long pid) {
    Path proc = Path.of("/proc", Long.toString(pid));
    try (Stream<Path> open = Files.list(proc.resolve("fd"))) {
      int sockets = (int) open.filter(Vitals::isSocket).count();
      return new Vitals((int) status(proc, "Threads:"), sockets, status(proc, "VmRSS:") / 1024.0);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
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
    return "%d threads, %d sockets, %.0f MiB resident"
        .formatted(threads, sockets, residentMebibytes);
  }
}
