package io.exeat.app;

import io.exeat.app.stage.Folders;
import io.exeat.base.Time;
import io.exeat.cli.Exit;
import io.exeat.config.Settings;
import io.exeat.kube.Webhook;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;

/**
 * {@code exeat rehearse}: starts as {@code run} does, is asked once, and ends, so that the JVM
 * learns which classes a start needs (JEP 514). It needs neither SPIRE nor Vault.
 */
@Command(
    name = "rehearse",
    hidden = true,
    description = "Starts and ends, for the launcher's cache.")
final class RehearseCommand implements Callable<Integer> {
  private static final byte[] INJECT =
      "{namespace: exeat, sidecar: {trust-domain: rehearsal.invalid, image: \"exeat:1\"}}"
          .getBytes(StandardCharsets.UTF_8);

  @Override
  public Integer call() throws IOException, InterruptedException {
    Path folder = Folders.temporary("exeat-rehearsal-");
    try {
      BrokerConfig config = ConfigFile.read(Settings.parse("rehearsal", yaml(folder), Map.of()));
      Logging.level(config.log());
      Fence.raise(config.attestation());
      // The same image is the injector.
      var _ =
          new Webhook(InjectFile.read(Settings.parse("rehearsal", INJECT, Map.of()))).rehearse();
      Time time = new Time(InstantSource.system(), System::nanoTime);
      try (Sidecar sidecar = Sidecar.open(config, time)) {
        Thread running = Thread.ofPlatform().daemon().start(() -> run(sidecar));
        Thread.sleep(2_000);
        String admin = folder.resolve("run/admin.sock").toString();
        String agent = folder.resolve("run/agent.sock").toString();
        for (String[] words :
            new String[][] {
              {"status", "--socket", admin},
              {"task", "list", "--socket", admin},
              {"revoke", "--all", "--json", "--socket", admin},
              {"task", "open", "--json", "--socket", agent, "--intent", "none", "-p", "a=b"},
              {"task", "get", "--socket", agent, "t0"},
              {"task", "watch", "--socket", agent, "t0"},
              {"credential", "issue", "--socket", agent, "--task", "t0", "--grant", "none"},
              {"exec", "--socket", agent, "--intent", "none", "--grant", "none", "--", "true"},
              {"audit", "verify", "--json", "--folder", folder.resolve("audit").toString()},
              {"version"},
              {"config", "check", "--json", "--config", folder.resolve("none").toString()}
            }) {
          var _ = Main.commandLine(words).execute(words);
        }
        running.interrupt();
      }
      return Exit.OK;
    } finally {
      Folders.remove(folder);
    }
  }

  private static void run(Sidecar sidecar) {
    try {
      sidecar.run();
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }

  private static byte[] yaml(Path folder) {
    Folders.write(
        folder.resolve("catalogue.yaml"),
        "rw-------",
        """
        version: 1
        targets: {orders-db: {environment: demo, postgres: {host: 127.0.0.1, port: 1, database: orders, tls: false}}}
        """);
    return """
    spiffe: {id: "spiffe://rehearsal.invalid/broker/exeat", workload-api: %1$s/workload.sock}
    attestation: {mode: development, socket: %1$s/broker.sock, agents: "spiffe://rehearsal.invalid/agent/*"}
    socket: {path: %1$s/run/agent.sock}
    admin: {path: %1$s/run/admin.sock}
    vault: {address: "https://127.0.0.1:1"}
    catalogue: {path: %1$s/catalogue.yaml}
    journal: {folder: %1$s/journal}
    audit: {folder: %1$s/audit}
    log: {level: error}
    """
        .formatted(folder)
        .getBytes(StandardCharsets.UTF_8);
  }
}
