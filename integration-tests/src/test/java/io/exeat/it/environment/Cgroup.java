package io.exeat.it.environment;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/**
 * A container as the kernel and SPIRE's k8s attestor know one: a cgroup, in the place that a
 * kubelet with the cgroupfs driver gives it. Processes are put into it by {@link #command}.
 */
public final class Cgroup implements AutoCloseable {
  private final Path place;

  /** What it is in, inwards first, as far as it is of pods alone. */
  private final List<Path> above;

  private Cgroup(Path place, List<Path> above) {
    this.place = place;
    this.above = above;
  }

  /** Where we may make some: a hierarchy of version 1 that limits nothing, or version 2. */
  public static Optional<Path> hierarchy() {
    return List.of("/sys/fs/cgroup/pids", "/sys/fs/cgroup").stream()
        .map(Path::of)
        .filter(it -> Files.isRegularFile(it.resolve("cgroup.procs")))
        .filter(it -> OtherUser.isRoot() && Files.isWritable(it.resolve("cgroup.procs")))
        .findFirst();
  }

  /** Makes one, which ends with this process at the latest. */
  static Cgroup of(Path hierarchy, String pod, String container) {
    Path pods = hierarchy.resolve("kubepods");
    Path kind = pods.resolve("besteffort");
    Path one = kind.resolve("pod" + pod);
    try {
      Cgroup made =
          new Cgroup(Files.createDirectories(one.resolve(container)), List.of(one, kind, pods));
      Runtime.getRuntime().addShutdownHook(new Thread(made::close));
      return made;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The command, which becomes a process of this container. */
  public List<String> command(List<String> words) {
    return Processes.join(
        List.of(
            "sh",
            "-c",
            "echo $$ > \"$0\" && exec \"$@\"",
            place.resolve("cgroup.procs").toString()),
        words.toArray(String[]::new));
  }

  private List<String> processes() {
    try {
      return Files.exists(place) ? Files.readAllLines(place.resolve("cgroup.procs")) : List.of();
    } catch (IOException e) {
      return List.of(); // removed in between
    }
  }

  /** Kills what is in it, which nobody else than its users put there, and removes it. */
  @Override
  public void close() {
    Processes.await(
        "the end of what is in " + place,
        Duration.ofSeconds(20),
        () -> {
          processes()
              .forEach(pid ->
                  ProcessHandle.of(Long.parseLong(pid)).ifPresent(ProcessHandle::destroyForcibly));
          return removed(place);
        });
    for (Path each : above) {
      if (!removed(each)) {
        return; // another container or pod is in it
      }
    }
  }

  private static boolean removed(Path folder) {
    try {
      Files.deleteIfExists(folder);
      return true;
    } catch (IOException e) {
      return false; // a process is in it
    }
  }
}
