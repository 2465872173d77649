package io.exeat.app;

import io.exeat.cli.Exit;
import io.exeat.config.ConfigException;
import io.exeat.config.Units;
import io.exeat.task.CatalogueFile;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
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
      })
  int check(
      @Option(names = "--config", paramLabel = "FILE", description = "As for run.")
          @Nullable Path file) {
    try {
      BrokerConfig config = ConfigFile.read(Optional.ofNullable(file), System.getenv());
      print(config);
      if (config.form() instanceof BrokerConfig.AllInOne here) {
        var catalogue = CatalogueFile.read(here.catalogue());
        out.println("catalogue.agents     " + new TreeSet<>(catalogue.agents().keySet()));
        out.println("catalogue.grants     " + new TreeSet<>(catalogue.grants().keySet()));
        out.println("catalogue.targets    " + new TreeSet<>(catalogue.targets().keySet()));
        out.println("catalogue.intents    " + new TreeSet<>(catalogue.intents().keySet()));
      }
      return Exit.OK;
    } catch (ConfigException e) {
      err.println("exeat: " + e.getMessage());
      return Exit.CHECK_FAILED;
    }
  }

  private void print(BrokerConfig config) {
    out.println("spiffe.id            " + config.identity().id());
    out.println("spiffe.workload-api  " + config.identity().socket());
    out.println(
        "attestation          "
            + config.attestation().local().map(Object::toString).orElse("no Unix socket")
            + config.attestation().mtls().map(it -> ", " + it).orElse(""));
    out.println("socket.path          " + config.socket().socket());
    out.println("socket.group         " + config.socket().group().orElse("(the broker's own)"));
    out.println("admin.path           " + config.admin().socket());
    out.println("admin.uids           " + new TreeSet<>(config.admin().uids()));
    config
        .listen()
        .ifPresent(it -> {
          out.println("listen.address       " + it.address());
          out.println("listen.operators     " + it.operators());
          out.println("listen.max-connection-age  " + Units.show(it.maxConnectionAge()));
        });
    switch (config.form()) {
      case BrokerConfig.Relayed it ->
          out.println(
              "relay.to             "
                  + it.relay().host()
                  + ":"
                  + it.relay().port()
                  + " as "
                  + it.relay().broker());
      case BrokerConfig.AllInOne it -> {
        BrokerConfig.Vault vault = it.vault();
        out.println("vault.address        " + vault.address());
        out.println("vault.ca             " + vault.ca().map(Path::toString).orElse("(the JDK's)"));
        out.println("vault.namespace      " + vault.namespace().orElse("(none)"));
        out.println("vault.mount          " + vault.mount());
        out.println("vault.role           " + vault.role());
        out.println("vault.audience       " + vault.audience());
        out.println("vault.timeout        " + Units.show(vault.timeout()));
        out.println("vault.longest-task   " + Units.show(vault.longestTask()));
        out.println(
            "targets.ca           " + it.targetsCa().map(Path::toString).orElse("(the JDK's)"));
        out.println("catalogue.path       " + it.catalogue());
        out.println("journal.folder       " + it.journal());
        out.println("audit.folder         " + it.audit());
        out.println("audit.rotate-at      " + Units.show(it.auditRotateAt()));
      }
    }
    out.println("log.level            " + config.log());
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
