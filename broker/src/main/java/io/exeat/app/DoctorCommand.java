package io.exeat.app;

import io.exeat.base.FaultException;
import io.exeat.base.Time;
import io.exeat.cli.Exit;
import io.exeat.config.ConfigException;
import io.exeat.task.Catalogue;
import io.exeat.task.CatalogueFile;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.InstantSource;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code exeat doctor}: looks at everything that a sidecar needs here, and says how to mend it. */
@Command(
    name = "doctor",
    description = {
      "Checks what a sidecar needs on this host, as the user and with the configuration that it has.",
      "",
      "Run it as the sidecar's user, best while no sidecar runs. Ends with 10 when something is wrong."
    })
final class DoctorCommand implements Callable<Integer> {
  private final PrintWriter out;
  private final Findings findings;

  @Option(names = "--config", paramLabel = "FILE", description = "As for run.")
  private Optional<Path> file = Optional.empty();

  DoctorCommand(PrintWriter out) {
    this.out = out;
    this.findings = new Findings(out);
  }

  @Override
  public Integer call() {
    findings.check(
        "Java",
        Runtime.version().feature() >= 25,
        Runtime.version().toString(),
        "install a JDK 25");
    findings.check(
        "TLS session tickets are off",
        "0".equals(System.getProperty("jdk.tls.server.newSessionTicketCount")),
        "",
        "start with -Djdk.tls.server.newSessionTicketCount=0, as the launcher does");
    kernel();
    BrokerConfig config;
    try {
      config = ConfigFile.read(file, System.getenv());
      findings.check("configuration", true, "", "");
    } catch (ConfigException e) {
      findings.check(
          "configuration", false, String.valueOf(e.getMessage()), "exeat config schema helps");
      return Exit.CHECK_FAILED;
    }
    try (Closing closing = new Closing()) {
      identity(config, closing);
    }
    out.println(findings.failed() == 0 ? "All is well." : findings.failed() + " things to mend.");
    return findings.failed() == 0 ? Exit.OK : Exit.CHECK_FAILED;
  }

  private void kernel() {
    String release = "";
    try {
      release = Files.readString(Path.of("/proc/sys/kernel/osrelease")).strip();
    } catch (IOException e) {
      // Then the check says so.
    }
    String[] parts = release.split("[.-]", 3);
    boolean pidfd =
        parts.length > 1
            && parts[0].matches("[0-9]+")
            && parts[1].matches("[0-9]+")
            && Integer.parseInt(parts[0]) * 1000 + Integer.parseInt(parts[1]) >= 6005;
    findings.check(
        "the kernel names peers by pidfd (6.5)",
        pidfd,
        release,
        "a newer kernel; below it, peers are told apart by PID and start time");
  }

  private void identity(BrokerConfig config, Closing closing) {
    Time time = new Time(InstantSource.system(), System::nanoTime);
    Path socket = config.identity().socket();
    findings.check(
        "the Workload API's socket",
        Files.exists(socket),
        socket.toString(),
        "start the SPIRE agent, or set spiffe.workload-api; this user must be able to reach it");
    Party party = Party.make(config, time, closing);
    boolean own =
        Findings.until(() -> {
          try {
            var _ = party.identity().svid();
            return true;
          } catch (FaultException e) {
            return false;
          }
        });
    findings.check(
        "own X.509-SVID",
        own,
        config.identity().id().toString(),
        "register it: spire-server entry create -spiffeID "
            + config.identity().id()
            + " -selector unix:uid:"
            + Own.uid()
            + " -parentID <the node's>");
    party
        .mode()
        .ifPresent(mode -> {
          boolean there = Findings.until(() -> mode.problem().isEmpty());
          findings.check(
              "attestation: issuer and PID namespace",
              there,
              mode.problem().orElse(""),
              "see the message; attestation.mode workload-api needs no PIDs");
        });
    if (config.form() instanceof BrokerConfig.AllInOne here) {
      folders(here);
      catalogue(here)
          .ifPresent(catalogue ->
              new VaultCheckup(findings).look(config, here, catalogue, party, time, closing));
    }
  }

  private void folders(BrokerConfig.AllInOne here) {
    for (Path folder : new Path[] {here.journal(), here.audit()}) {
      boolean exists = Files.isDirectory(folder);
      Path parent = folder.toAbsolutePath().getParent();
      boolean fine =
          exists
              ? Files.isWritable(folder) && isPrivate(folder)
              : parent != null && Files.isWritable(parent);
      findings.check(
          "folder " + folder,
          fine,
          exists ? "" : "it will be made",
          "give it to the sidecar's user alone, mode 0700");
    }
  }

  private static boolean isPrivate(Path folder) {
    try {
      return PosixFilePermissions.toString(Files.getPosixFilePermissions(folder)).endsWith("---");
    } catch (IOException e) {
      return false;
    }
  }

  private Optional<Catalogue> catalogue(BrokerConfig.AllInOne here) {
    try {
      Catalogue catalogue = CatalogueFile.read(here.catalogue());
      findings.check("catalogue", true, catalogue.agents().size() + " agents", "");
      return Optional.of(catalogue);
    } catch (ConfigException e) {
      findings.check(
          "catalogue",
          false,
          String.valueOf(e.getMessage()),
          "exeat config schema --catalogue helps");
      return Optional.empty();
    }
  }
}
