package io.exeat.app;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.exeat.attest.AttestConfig;
import io.exeat.cli.Exit;
import io.exeat.config.ConfigException;
import io.exeat.config.Units;
import io.exeat.identity.IdPattern;
import io.exeat.task.ApproverDoors;
import io.exeat.task.CatalogueFile;
import io.spiffe.spiffeid.SpiffeId;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintWriter;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code exeat config}. */
@Command(
    name = "config",
    description = "Check the configuration, and print its schema.",
    synopsisSubcommandLabel = "COMMAND")
final class ConfigCommand {
  private static final ObjectMapper JSON = new ObjectMapper();

  private final PrintWriter out;
  private final PrintWriter err;

  ConfigCommand(PrintWriter out, PrintWriter err) {
    this.out = out;
    this.err = err;
  }

  @Command(
      description = {
        "Reads the configuration and the catalogue as `run` does, and prints what is in force,",
        "or every problem there is. It holds no secret: secrets are only ever paths."
      },
      footer = {"", "Example:", "  exeat config check --config /etc/exeat/exeat.yaml"})
  int check(
      @Option(names = "--config", paramLabel = "FILE", description = "As for run.")
          @Nullable Path file,
      @Option(names = "--json", description = "Print JSON.") boolean json) {
    try {
      Map<String, Object> inForce =
          inForce(ConfigFile.read(Optional.ofNullable(file), System.getenv()));
      if (json) {
        out.println(
            JsonNodeFactory.instance
                .objectNode()
                .put("ok", true)
                .set("configuration", JSON.valueToTree(inForce)));
      } else {
        inForce.forEach((key, value) -> out.printf("%-27s %s%n", key, value));
      }
      return Exit.OK;
    } catch (ConfigException e) {
      if (json) {
        ObjectNode node = JsonNodeFactory.instance.objectNode().put("ok", false);
        node.put("source", e.source());
        e.problems().forEach(node.putArray("problems")::add);
        out.println(node);
      } else {
        err.println("exeat: " + e.getMessage());
      }
      return Exit.CHECK_FAILED;
    }
  }

  /** By the names of the configuration's keys; what has no value is left out. */
  private static Map<String, Object> inForce(BrokerConfig config) {
    Map<String, Object> all = new LinkedHashMap<>();
    all.put("spiffe.id", config.identity().id().toString());
    all.put("spiffe.workload-api", config.identity().socket().toString());
    attestation(config.attestation(), all);
    all.put("socket.path", config.socket().socket().toString());
    if (!config.moreSockets().isEmpty()) {
      all.put("socket.more", config.moreSockets().stream().map(Path::toString).toList());
    }
    config.socket().group().ifPresent(group -> all.put("socket.group", group));
    all.put("admin.path", config.admin().socket().toString());
    all.put("admin.uids", new TreeSet<>(config.admin().uids()));
    config
        .listen()
        .ifPresent(it -> {
          InetSocketAddress address = it.address();
          all.put("listen.address", address.getHostString() + ":" + address.getPort());
          all.put(
              "listen.operators",
              new TreeSet<>(it.operators().stream().map(SpiffeId::toString).toList()));
          all.put("listen.max-connection-age", Units.show(it.maxConnectionAge()));
        });
    switch (config.form()) {
      case BrokerConfig.Relayed it -> {
        all.put("relay.to", it.relay().host() + ":" + it.relay().port());
        all.put("relay.broker", it.relay().broker().toString());
      }
      case BrokerConfig.AllInOne it -> broker(it, config.approverDoors(), all);
    }
    all.put("log.level", config.log().toString());
    return all;
  }

  private static void attestation(AttestConfig config, Map<String, Object> all) {
    config
        .local()
        .ifPresent(mode -> {
          switch (mode) {
            case AttestConfig.WorkloadApi it -> {
              all.put("attestation.mode", "workload-api");
              all.put("attestation.agent", it.agent().toString());
              all.put("attestation.uid", it.uid());
            }
            case AttestConfig.BrokerApi it ->
                byPid("broker-api", it.socket(), it.agents(), it.timing(), all);
            case AttestConfig.Delegated it ->
                byPid("delegated", it.socket(), it.agents(), it.timing(), all);
            case AttestConfig.Development it ->
                byPid("development", it.socket(), it.agents(), it.timing(), all);
          }
        });
    config
        .mtls()
        .ifPresent(it -> {
          all.put("attestation.mtls.agents", it.agents().toString());
          all.put("attestation.mtls.grace", Units.show(it.grace()));
        });
  }

  private static void byPid(
      String mode,
      Path socket,
      IdPattern agents,
      AttestConfig.Timing timing,
      Map<String, Object> all) {
    all.put("attestation.mode", mode);
    all.put("attestation.socket", socket.toString());
    all.put("attestation.agents", agents.toString());
    all.put("attestation.recheck", Units.show(timing.recheck()));
  }

  private static void broker(
      BrokerConfig.AllInOne it, ApproverDoors doors, Map<String, Object> all) {
    BrokerConfig.Vault vault = it.vault();
    all.put("vault.address", vault.address().toString());
    vault.ca().ifPresent(ca -> all.put("vault.ca", ca.toString()));
    vault.namespace().ifPresent(namespace -> all.put("vault.namespace", namespace));
    all.put("vault.mount", vault.mount());
    all.put("vault.role", vault.role());
    all.put("vault.audience", vault.audience());
    all.put("vault.timeout", Units.show(vault.timeout()));
    all.put("vault.longest-task", Units.show(vault.longestTask()));
    all.put("vault.session-ttl", Units.show(vault.sessionTtl()));
    it.targetsCa().ifPresent(ca -> all.put("targets.ca", ca.toString()));
    all.put("catalogue.path", it.catalogue().toString());
    all.put("journal.folder", it.journal().toString());
    all.put("audit.folder", it.audit().toString());
    all.put("audit.rotate-at", Units.show(it.auditRotateAt()));
    var catalogue = CatalogueFile.read(it.catalogue(), doors);
    all.put("catalogue.agents", new TreeSet<>(catalogue.agents().keySet()));
    all.put("catalogue.grants", new TreeSet<>(catalogue.grants().keySet()));
    all.put("catalogue.intents", new TreeSet<>(catalogue.intents().keySet()));
    all.put("catalogue.targets", new TreeSet<>(catalogue.targets().keySet()));
  }

  @Command(
      description = "Prints the JSON schema of the configuration or the catalogue, for editors.")
  int schema(@Option(names = "--catalogue", description = "The catalogue's.") boolean catalogue)
      throws IOException {
    String name = catalogue ? "catalogue" : "exeat";
    try (InputStream in =
        Objects.requireNonNull(
            ConfigCommand.class.getResourceAsStream("/io/exeat/config/" + name + ".schema.json"))) {
      out.println(new String(in.readAllBytes(), StandardCharsets.UTF_8));
    }
    return Exit.OK;
  }
}
