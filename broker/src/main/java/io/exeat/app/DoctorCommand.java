package io.exeat.app;

import io.exeat.base.Time;
import io.exeat.cli.Exit;
import io.exeat.config.ConfigException;
import io.exeat.task.ApproverDoors;
import io.exeat.task.Catalogue;
import io.exeat.task.CatalogueFile;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code exeat doctor}: looks at everything that a sidecar needs here, and says how to mend it. */
@Command(
    name = "doctor",
    description = {
      "Checks what a sidecar needs on this host, as the user and with the configuration that it"
          + " has:",
      "Java, kernel, configuration, permissions, the SPIRE socket, its own SVID, the PID"
          + " namespace,",
      "the agents' entries, the policies, Vault and its rights there, each database, and all"
          + " clocks.",
      "",
      "Run it as the sidecar's user; the sidecar may be running. It changes nothing, opens no"
          + " task,",
      "and lends nothing but logins of the verifier's own, which it gives back. Ends with 10 when",
      "something is wrong; each such line is followed by how to mend it."
    },
    footer = {"", "Example:", "  exeat doctor --config /etc/exeat/exeat.yaml --pid 4711"})
final class DoctorCommand implements Callable<Integer> {
  private final PrintWriter out;

  @Option(names = "--config", paramLabel = "FILE", description = "As for run.")
  private Optional<Path> file = Optional.empty();

  @Option(
      names = "--pid",
      paramLabel = "PID",
      description = "A running process of an agent's: shows which entry it has; repeatable.")
  private List<Integer> pids = List.of();

  @Option(names = "--json", description = "Print JSON, once, at the end.")
  private boolean json;

  DoctorCommand(PrintWriter out) {
    this.out = out;
  }

  @Override
  public Integer call() {
    Logging.level(BrokerConfig.LogLevel.ERROR);
    Findings findings = new Findings(out, json);
    host(findings);
    try {
      BrokerConfig config = ConfigFile.read(file, System.getenv());
      Optional<Path> place = ConfigFile.place(file, System.getenv());
      findings.ok(
          "configuration", place.map(Path::toString).orElse("the environment"), "is complete");
      try (Closing closing = new Closing()) {
        look(config, place, findings, closing);
      }
    } catch (ConfigException e) {
      findings.wrong(
          "configuration",
          "",
          String.valueOf(e.getMessage()),
          "mend the lines named; exeat config schema prints every key");
    }
    return findings.conclude() ? Exit.OK : Exit.CHECK_FAILED;
  }

  private void look(BrokerConfig config, Optional<Path> file, Findings findings, Closing closing) {
    Optional<Catalogue> catalogue =
        config.form() instanceof BrokerConfig.AllInOne here
            ? catalogue(here, config.approverDoors(), findings)
            : Optional.empty();
    new FileCheckup(findings).look(config, file);
    Time time = new Time(InstantSource.system(), System::nanoTime);
    Party party = Party.make(config, time, closing);
    IdentityCheckup identity = new IdentityCheckup(findings, party, config.identity().id());
    boolean own = identity.look(config.identity().socket());
    new AttestationCheckup(findings, party, config.identity().id(), own, catalogue, pids)
        .look(config.attestation());
    switch (config.form()) {
      case BrokerConfig.AllInOne here -> {
        new PolicyCheckup(findings, time).look(here.policy());
        new VaultCheckup(findings, config, here, party, time).look(own, catalogue);
      }
      case BrokerConfig.Relayed relayed -> identity.relay(relayed.relay(), own);
    }
  }

  private static void host(Findings findings) {
    String java = Runtime.version().toString();
    if (Runtime.version().feature() >= 25) {
      findings.ok("java", "", java);
    } else {
      findings.wrong("java", "", java, "install a Java 25 runtime, and set JAVA_HOME to it");
    }
    String tickets = System.getProperty("jdk.tls.server.newSessionTicketCount", "not set");
    if (tickets.equals("0")) {
      findings.ok("tls-tickets", "", "off");
    } else {
      findings.wrong(
          "tls-tickets",
          "",
          "jdk.tls.server.newSessionTicketCount is " + tickets,
          "start it with the launcher, exeat, or with -Djdk.tls.server.newSessionTicketCount=0");
    }
    String release = kernel();
    String[] parts = release.split("[.-]", 3);
    boolean pidfd =
        parts.length > 1
            && parts[0].matches("[0-9]{1,6}")
            && parts[1].matches("[0-9]{1,6}")
            && Integer.parseInt(parts[0]) * 1000 + Integer.parseInt(parts[1]) >= 6005;
    if (pidfd) {
      findings.ok("kernel", "", release + " names peers by pidfd");
    } else {
      findings.wrong(
          "kernel",
          "",
          (release.isEmpty() ? "/proc does not tell" : release) + "; pidfds of peers came with 6.5",
          "use a newer kernel; below 6.5 peers are told apart by PID and start time, five times a"
              + " second");
    }
  }

  private static String kernel() {
    try {
      return Files.readString(Path.of("/proc/sys/kernel/osrelease")).strip();
    } catch (IOException e) {
      return "";
    }
  }

  private static Optional<Catalogue> catalogue(
      BrokerConfig.AllInOne here, ApproverDoors doors, Findings findings) {
    String path = here.catalogue().toString();
    try {
      Catalogue catalogue = CatalogueFile.read(here.catalogue(), doors);
      findings.ok(
          "catalogue",
          path,
          "%d agents, %d grants, %d intents, %d targets"
              .formatted(
                  catalogue.agents().size(),
                  catalogue.grants().size(),
                  catalogue.intents().size(),
                  catalogue.targets().size()));
      return Optional.of(catalogue);
    } catch (ConfigException e) {
      findings.wrong(
          "catalogue",
          path,
          String.valueOf(e.getMessage()),
          "mend the lines named; exeat config schema --catalogue prints every key");
      return Optional.empty();
    }
  }
}
