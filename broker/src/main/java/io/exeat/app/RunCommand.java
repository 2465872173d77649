package io.exeat.app;

import io.exeat.base.CannotStart;
import io.exeat.base.Time;
import io.exeat.cli.Exit;
import io.exeat.config.ConfigException;
import java.io.IOException;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code exeat run}: the sidecar, in the foreground, until a signal. */
@Command(
    name = "run",
    description = {
      "Runs the sidecar in the foreground.",
      "",
      "SIGTERM and SIGINT end every task, wait up to 8 s for the proofs, and end it with 0."
    })
final class RunCommand implements Callable<Integer> {
  @Option(
      names = "--config",
      paramLabel = "FILE",
      description =
          "The configuration. Else EXEAT_CONFIG, else ./exeat.yaml, else /etc/exeat/exeat.yaml.")
  private Optional<Path> file = Optional.empty();

  @Override
  public Integer call() {
    try {
      BrokerConfig config = ConfigFile.read(file, System.getenv());
      Logging.level(config.log());
      Fence.raise(config.attestation());
      Sidecar sidecar = Sidecar.open(config, new Time(InstantSource.system(), System::nanoTime));
      Thread onSignal = new Thread(() -> stop(sidecar), "exeat-stop");
      Runtime.getRuntime().addShutdownHook(onSignal);
      try {
        sidecar.run();
        // A signal ended it: the hook decides when.
        Thread.currentThread().join();
        return Exit.OK;
      } catch (InterruptedException e) {
        return Exit.OK;
      } catch (RuntimeException | IOException e) {
        if (removed(onSignal)) {
          sidecar.close();
        }
        throw e;
      }
    } catch (ConfigException e) {
      System.err.println("exeat: " + e.getMessage());
      return Exit.USAGE;
    } catch (CannotStart e) {
      System.err.println("exeat: cannot start: " + e.getMessage());
      return Exit.UNAVAILABLE;
    } catch (IOException e) {
      System.err.println("exeat: cannot open its doors: " + e.getMessage());
      return Exit.UNAVAILABLE;
    }
  }

  private static void stop(Sidecar sidecar) {
    sidecar.close();
    // A signal would end it with 128 + n; having ended everything, it has done what it was asked.
    Runtime.getRuntime().halt(Exit.OK);
  }

  private static boolean removed(Thread hook) {
    try {
      return Runtime.getRuntime().removeShutdownHook(hook);
    } catch (IllegalStateException e) {
      return false;
    }
  }
}
