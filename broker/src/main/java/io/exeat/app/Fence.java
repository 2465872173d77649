package io.exeat.app;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.exeat.attest.AttestConfig;
import io.exeat.base.CannotStart;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What stands between this process and others of its host: another user than the agent's, and
 * memory that no debugger reads, no core dump holds and no swap keeps.
 */
final class Fence {
  private static final Logger LOG = LoggerFactory.getLogger(Fence.class);

  /** Of prctl(2). */
  private static final int PR_GET_DUMPABLE = 3;

  private static final int PR_SET_DUMPABLE = 4;

  /** Of setrlimit(2), on all of Linux's processors that there are images for. */
  private static final int RLIMIT_CORE = 4;

  private static final Path PROC = Path.of("/proc");
  private static final Path CGROUPS = Path.of("/sys/fs/cgroup");

  private Fence() {}

  /**
   * Closes this process's memory, for good, and looks at what it cannot mend.
   *
   * @throws CannotStart when others could look into this process
   */
  static void raise() {
    SafeJvm.check();
    close();
    refuseDebugger(PROC);
  }

  /**
   * Looks whether somebody sees this process already.
   *
   * @throws CannotStart when another user's debugger does
   */
  static void refuseDebugger(Path proc) {
    debugger(proc)
        .ifPresent(uid -> {
          throw new CannotStart(
              "a debugger of the user with uid " + uid + " has this process",
              "Start it without one: what it sees cannot be taken back.");
        });
  }

  /**
   * The same for one that has an agent beside it.
   *
   * @throws CannotStart when the agent could look into this process, or its secrets be swapped out
   *     of it
   */
  static void raise(AttestConfig attestation) {
    boolean inPod = false;
    if (attestation.local().orElse(null) instanceof AttestConfig.WorkloadApi pod) {
      inPod = true;
      if (pod.uid() == Own.uid()) {
        throw new CannotStart(
            "the agent's uid, attestation.uid, is " + pod.uid() + ", and so is this process's own",
            "Run the two as different users: who shares a uid can signal this process, and is"
                + " taken for it.");
      }
    }
    raise();
    if (ownUserToo(attestation)) {
      LOG.warn(
          "UNSAFE: attestation.unsafe-same-user lets agents run as uid {}, this process's own: they"
              + " can read and write its files, signal it and call the operators' socket",
          Own.uid());
    }
    refuseSwap(inPod, PROC, CGROUPS);
  }

  private static boolean ownUserToo(AttestConfig attestation) {
    return switch (attestation.local().orElse(null)) {
      case AttestConfig.BrokerApi it -> it.unsafeSameUser();
      case AttestConfig.Delegated it -> it.unsafeSameUser();
      case null, default -> false;
    };
  }

  /**
   * Looks whether secrets may be swapped out, and warns where that is the host's own affair.
   *
   * @throws CannotStart when they may, in a pod: its node is for others too
   */
  static void refuseSwap(boolean inPod, Path proc, Path cgroups) {
    Optional<String> swap = swap(proc, cgroups);
    if (swap.isPresent() && inPod) {
      throw new CannotStart(
          swap.get(),
          "Give the sidecar as much memory requested as its limit, and the kubelet gives it no"
              + " swap; or turn the node's swap off.");
    }
    swap.ifPresent(it -> LOG.warn("{}; swap that is not encrypted keeps them", it));
  }

  /**
   * Makes it not dumpable: no core dump, and no debugger without CAP_SYS_PTRACE. A core dump of no
   * size holds even where somebody makes it dumpable again.
   */
  private static void close() {
    if (coreLimit(0) != 0) {
      throw new CannotStart(
          "the kernel does not limit this process's core dumps to nothing",
          "Let its seccomp profile allow setrlimit and prlimit64, as the usual ones do.");
    }
    if (prctl(PR_SET_DUMPABLE, 0) != 0 || prctl(PR_GET_DUMPABLE, 0) != 0) {
      throw new CannotStart(
          "the kernel does not close this process's memory to debuggers and core dumps",
          "Let its seccomp profile allow prctl(PR_SET_DUMPABLE), as the usual ones do.");
    }
  }

  @SuppressWarnings("restricted") // prctl(2) has no counterpart in Java; the manifest allows it
  private static int prctl(int option, long argument) {
    Linker linker = Linker.nativeLinker();
    MethodHandle prctl =
        linker.downcallHandle(
            linker.defaultLookup().findOrThrow("prctl"),
            FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG),
            Linker.Option.firstVariadicArg(1));
    try {
      return (int) prctl.invokeExact(option, argument, 0L, 0L, 0L);
    } catch (Throwable e) {
      throw new IllegalStateException("prctl cannot be called", e);
    }
  }

  /** Sets RLIMIT_CORE, soft and hard, and says what it is then; setrlimit(2). */
  @SuppressWarnings("restricted") // as above
  private static long coreLimit(long most) {
    Linker linker = Linker.nativeLinker();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment limit = arena.allocate(JAVA_LONG, 2);
      limit.setAtIndex(JAVA_LONG, 0, most);
      limit.setAtIndex(JAVA_LONG, 1, most);
      FunctionDescriptor call = FunctionDescriptor.of(JAVA_INT, JAVA_INT, ADDRESS);
      for (String name : List.of("setrlimit", "getrlimit")) {
        MethodHandle function =
            linker.downcallHandle(linker.defaultLookup().findOrThrow(name), call);
        if ((int) function.invokeExact(RLIMIT_CORE, limit) != 0) {
          return -1;
        }
      }
      return limit.getAtIndex(JAVA_LONG, 0) | limit.getAtIndex(JAVA_LONG, 1);
    } catch (Throwable e) {
      throw new IllegalStateException("setrlimit cannot be called", e);
    }
  }

  /**
   * Whose debugger has this process; empty when none has. Root's is no secret's end, root needs
   * none; nor is our own user's, who started this under it: one that comes later is refused.
   */
  static Optional<Integer> debugger(Path proc) {
    try {
      Optional<String> tracer =
          Files.readAllLines(proc.resolve("self/status")).stream()
              .filter(line -> line.startsWith("TracerPid:"))
              .map(line -> line.substring(line.indexOf(':') + 1).strip())
              .filter(pid -> !pid.equals("0"))
              .findFirst();
      if (tracer.isEmpty()) {
        return Optional.empty();
      }
      return Files.readAllLines(proc.resolve(tracer.get()).resolve("status")).stream()
          .filter(line -> line.startsWith("Uid:"))
          .map(line -> Integer.valueOf(line.split("\\s+", -1)[1]))
          .filter(uid -> uid != 0 && uid != Own.uid())
          .findFirst();
    } catch (IOException e) {
      throw new CannotStart(
          "whether a debugger has this process cannot be read: " + e.getMessage(),
          "Mount /proc in its container.");
    }
  }

  /**
   * What may be swapped out, for people; empty when nothing may, or when it cannot be seen, as in
   * cgroups of version 1.
   */
  static Optional<String> swap(Path proc, Path cgroups) {
    try {
      // One line of headings; proc_swaps(5).
      if (Files.readAllLines(proc.resolve("swaps")).size() < 2) {
        return Optional.empty();
      }
      Optional<Path> own = group(Files.readAllLines(proc.resolve("self/cgroup")), cgroups);
      for (Path at = own.orElse(null); at != null && at.startsWith(cgroups); at = at.getParent()) {
        Path most = at.resolve("memory.swap.max");
        if (Files.exists(most) && Files.readString(most).strip().equals("0")) {
          return Optional.empty();
        }
      }
      return own.map(_ ->
          "this process's secrets may be swapped out: the host has swap, and"
              + " this cgroup may use it");
    } catch (IOException e) {
      return Optional.empty();
    }
  }

  /** Of cgroups(7), version 2: the line {@code 0::/path}. */
  private static Optional<Path> group(List<String> lines, Path cgroups) {
    return lines.stream()
        .filter(line -> line.startsWith("0::/"))
        .map(line -> cgroups.resolve(line.substring(4)).normalize())
        .filter(path -> Files.exists(path.resolve("memory.swap.max")) || path.equals(cgroups))
        .findFirst();
  }
}
