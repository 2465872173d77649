package io.exeat.app;

import io.exeat.base.CannotStart;
import io.exeat.base.Time;
import io.exeat.cli.Exit;
import io.exeat.config.ConfigException;
import io.exeat.identity.IdentitySource;
import io.exeat.identity.SpiffeTransport;
import io.exeat.identity.workload.WorkloadIdentity;
import io.exeat.kube.CaBundle;
import io.exeat.kube.InjectConfig;
import io.exeat.kube.InjectorDoor;
import io.exeat.kube.Rehearsal;
import io.exeat.kube.ServingCertificate;
import io.exeat.kube.Webhook;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code exeat inject}: the admission webhook, in the foreground, until a signal. */
@Command(
    name = "inject",
    description = {
      "Runs the Kubernetes admission webhook that adds the sidecar to agents' pods.",
      "",
      "docs/kubernetes.md has the labels and annotations; deploy/kubernetes the manifests."
    })
final class InjectCommand implements Callable<Integer> {
  private static final Logger LOG = LoggerFactory.getLogger(InjectCommand.class);
  private static final Duration TICK = Duration.ofSeconds(1);

  @Option(
      names = "--config",
      paramLabel = "FILE",
      description = "The configuration. Else EXEAT_CONFIG, else /etc/exeat/inject.yaml.")
  private Optional<Path> file = Optional.empty();

  @Override
  public Integer call() {
    Closing closing = new Closing();
    try {
      Logging.level(BrokerConfig.LogLevel.INFO);
      Fence.raise();
      InjectConfig config = InjectFile.read(file, System.getenv());
      Time time = new Time(InstantSource.system(), System::nanoTime);
      Keeps keeps = keeps(config, time, closing);
      ServingCertificate certificate = keeps.certificate();
      certificate.look();
      Webhook webhook = new Webhook(config);
      var _ = Rehearsal.run(certificate, webhook);
      InjectorDoor door = closing.later(InjectorDoor.open(config.listen(), certificate, webhook));
      LOG.info("Injecting on port {}", door.port());
      Runtime.getRuntime().addShutdownHook(new Thread(() -> stop(closing), "exeat-stop"));
      while (true) {
        Thread.sleep(TICK);
        certificate.look();
        if (keeps.bundle().isPresent()) {
          keeps.bundle().get().look();
        }
      }
    } catch (InterruptedException e) {
      return Exit.OK;
    } catch (ConfigException e) {
      System.err.println("exeat: " + e.getMessage());
      return Exit.USAGE;
    } catch (CannotStart | IOException e) {
      System.err.println("exeat: cannot start: " + e.getMessage());
      closing.close();
      return Exit.UNAVAILABLE;
    }
  }

  /** What is looked at again and again. */
  private record Keeps(ServingCertificate certificate, Optional<CaBundle> bundle) {}

  private static Keeps keeps(InjectConfig config, Time time, Closing closing) {
    return switch (config.certificate()) {
      case InjectConfig.Files files ->
          new Keeps(ServingCertificate.of(files, time), Optional.empty());
      case InjectConfig.OwnSvid svid -> {
        SpiffeTransport transport = closing.later(new SpiffeTransport());
        IdentitySource identity =
            closing.later(new WorkloadIdentity(svid.identity(), transport, time));
        yield new Keeps(
            ServingCertificate.of(identity, time),
            svid.registration()
                .map(
                    it -> new CaBundle(it, identity, svid.identity().id().getTrustDomain(), time)));
      }
    };
  }

  private static void stop(Closing closing) {
    closing.close();
    Runtime.getRuntime().halt(Exit.OK);
  }
}
