package io.exeat.it.fault;

import io.exeat.it.Needs;
import io.exeat.it.environment.Binaries;
import io.exeat.it.environment.BrokerProcess;
import io.exeat.it.environment.Packaged;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** A fault at the n-th write or fsync of some files, by the kernel, through {@code strace}. */
final class Strace {
  private final Path program = Needs.part("strace", Binaries.onPath("strace"));
  private final List<Path> files;

  Strace(List<Path> files) {
    this.files = files;
  }

  /**
   * The broker, with faults.
   *
   * @param calls system calls, such as {@code pwrite64,fdatasync}
   * @param fault such as {@code signal=KILL:when=7} or {@code error=EIO:when=3+}
   */
  BrokerProcess.Launch inject(String calls, String fault) {
    return config -> {
      List<String> command =
          new ArrayList<>(
              // As its grandchild, so that the process keeps its id.
              List.of(program.toString(), "-D", "-qq", "-f", "--seccomp-bpf", "-o", "/dev/null"));
      files.forEach(file -> command.addAll(List.of("-P", file.toString())));
      command.addAll(List.of("-e", "trace=" + calls, "-e", "inject=" + calls + ":" + fault));
      command.addAll(Packaged.command("run", "--config", config.toString()));
      return command;
    };
  }
}
