package io.exeat.app;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.exeat.base.CannotStart;
import io.exeat.base.FaultException;
import io.exeat.base.SecretBytes;
import io.exeat.cli.Exit;
import io.exeat.config.ConfigException;
import io.exeat.credential.vault.Change;
import io.exeat.credential.vault.DatabaseSql;
import io.exeat.credential.vault.SetupSettings;
import io.exeat.credential.vault.VaultSetup;
import io.exeat.task.Catalogue;
import io.exeat.task.CatalogueFile;
import io.exeat.task.Target;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintWriter;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.TreeSet;
import java.util.stream.Stream;
import javax.net.ssl.X509TrustManager;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code exeat vault}: sets Vault and the databases up, with an operator's rights. */
@Command(
    name = "vault",
    description = "Set up Vault or OpenBao, and the databases, for the catalogue.",
    synopsisSubcommandLabel = "COMMAND")
final class VaultCommand {
  private static final String CONFIG = "As for run.";

  private final PrintWriter out;
  private final PrintWriter err;

  VaultCommand(PrintWriter out, PrintWriter err) {
    this.out = out;
    this.err = err;
  }

  @Command(
      description = {
        "Writes into Vault what the catalogue asks for, with least rights for the sidecar; what is"
            + " as",
        "it should be is left alone. With --check it says what differs, writes nothing, and ends"
            + " with",
        "10 when something does. The sidecar itself never has the rights that this needs."
      },
      footer = {
        "",
        "Example:",
        "  exeat vault apply --token-file op.token --jwt-key spire-jwt.pem \\",
        "      --admin orders-db=vaultadmin:vaultadmin.password"
      })
  int apply(
      @Option(names = "--config", paramLabel = "FILE", description = CONFIG) @Nullable Path file,
      @Option(
              names = "--token-file",
              required = true,
              paramLabel = "FILE",
              description = "Holds a Vault token that may write all this.")
          Path token,
      @Option(
              names = "--jwt-key",
              paramLabel = "FILE",
              description = "A public key (PEM) that verifies JWT-SVIDs; repeatable.")
          @Nullable List<Path> keys,
      @Option(
              names = "--jwks-url",
              paramLabel = "URL",
              description = "Where Vault finds those keys instead: JWT authorities alone.")
          @Nullable URI jwks,
      @Option(
              names = "--oidc-discovery-url",
              paramLabel = "URL",
              description =
                  "Or the JWT-SVIDs' issuer, which says itself where, as SPIRE's provider does.")
          @Nullable URI issuer,
      @Option(
              names = "--jwks-ca",
              paramLabel = "FILE",
              description =
                  "Who vouches for the server at that URL, in PEM; else Vault's system's.")
          @Nullable Path jwksCa,
      @Option(
              names = "--admin",
              paramLabel = "TARGET=USER:FILE",
              description =
                  "Vault's own role at each database, and the file of its password; repeatable.")
          @Nullable Map<String, String> admins,
      @Option(
              names = "--target-ca",
              paramLabel = "TARGET=FILE",
              description = {
                "Who vouches for a target's certificate, in PEM: a file on VAULT's own host,"
                    + " because",
                "it takes no certificate itself; else Vault's system's. Repeatable."
              })
          @Nullable Map<String, Path> targetCas,
      @Option(
              names = "--bind-ip",
              description = "Sessions work from the address of the login alone.")
          boolean bindIp,
      @Option(names = "--check", description = "Say what differs and write nothing.") boolean check,
      @Option(names = "--json", description = "Print JSON.") boolean json) {
    try {
      BrokerConfig config = ConfigFile.read(Optional.ofNullable(file), System.getenv());
      BrokerConfig.AllInOne here = here(config);
      Catalogue catalogue = CatalogueFile.read(here.catalogue());
      SetupSettings setup =
          new SetupSettings(
              config.identity().id(),
              keys(keys, jwks, issuer, jwksCa),
              bindIp,
              here.vault().longestTask().plus(Duration.ofHours(12)),
              admins(admins == null ? Map.of() : admins, targetCas == null ? Map.of() : targetCas));
      X509TrustManager trust = VaultTrust.of(here.vault().ca(), "vault.ca");
      try (SecretBytes operator = secret(token);
          VaultSetup vault =
              new VaultSetup(
                  Engine.settings(here.vault()), setup, () -> VaultTrust.plain(trust), operator)) {
        List<Change> changes = check ? vault.check(catalogue) : vault.apply(catalogue);
        return json ? printJson(changes, check) : print(changes, check);
      }
    } catch (ConfigException | CannotStart e) {
      err.println("exeat: " + e.getMessage());
      return Exit.USAGE;
    } catch (IOException e) {
      err.println("exeat: cannot read " + e.getMessage());
      return Exit.USAGE;
    } catch (FaultException e) {
      err.println("exeat: " + Findings.words(e));
      return Exit.UNAVAILABLE;
    }
  }

  private int printJson(List<Change> changes, boolean check) {
    ObjectNode node = JsonNodeFactory.instance.objectNode();
    long different = different(changes);
    node.put("ok", !check || different == 0).put("written", !check);
    node.put("lookedAt", changes.size()).put("different", different);
    ArrayNode all = node.putArray("changes");
    for (Change change : changes) {
      ObjectNode one = all.addObject().put("what", change.what()).put("kind", change.kind().name());
      change.fields().forEach(one.putArray("fields")::add);
    }
    out.println(node);
    return check && different > 0 ? Exit.CHECK_FAILED : Exit.OK;
  }

  private static long different(List<Change> changes) {
    return changes.stream()
        .filter(it -> it.kind() == Change.Kind.CREATE || it.kind() == Change.Kind.UPDATE)
        .count();
  }

  private int print(List<Change> changes, boolean check) {
    for (Change change : changes) {
      if (change.kind() != Change.Kind.SAME) {
        out.println(
            "%-8s %s%s"
                .formatted(
                    change.kind(),
                    change.what(),
                    change.fields().isEmpty()
                        ? ""
                        : "  (" + String.join(", ", change.fields()) + ")"));
      }
    }
    long different = different(changes);
    out.println(
        changes.size() + " things looked at, " + different + (check ? " differ" : " written"));
    return check && different > 0 ? Exit.CHECK_FAILED : Exit.OK;
  }

  @Command(
      description = {
        "Prints the SQL that a database's superuser runs once for each target of the catalogue:",
        "the preparation, then what Vault's role may pass on."
      })
  int sql(
      @Option(names = "--config", paramLabel = "FILE", description = CONFIG) @Nullable Path file,
      @Option(names = "--target", paramLabel = "NAME", description = "Only this one.")
          @Nullable String only,
      @Option(names = "--admin", defaultValue = "vaultadmin", description = "Vault's role there.")
          String admin)
      throws IOException {
    try {
      BrokerConfig config = ConfigFile.read(Optional.ofNullable(file), System.getenv());
      Catalogue catalogue = CatalogueFile.read(here(config).catalogue());
      for (String target : new TreeSet<>(catalogue.targets().keySet())) {
        if ((only == null || only.equals(target))
            && catalogue.targets().get(target) instanceof Target.Postgres) {
          out.println("-- " + target);
          out.println("SET exeat.admin = '" + admin.replace("'", "''") + "';");
          out.println(prepareSql());
          DatabaseSql.adminGrants(catalogue, target, admin).forEach(out::println);
        }
      }
      return Exit.OK;
    } catch (ConfigException e) {
      err.println("exeat: " + e.getMessage());
      return Exit.USAGE;
    }
  }

  /** {@code deploy/postgres/prepare.sql}. */
  static String prepareSql() throws IOException {
    try (InputStream in =
        Objects.requireNonNull(VaultCommand.class.getResourceAsStream("/postgres/prepare.sql"))) {
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    }
  }

  private static BrokerConfig.AllInOne here(BrokerConfig config) {
    if (config.form() instanceof BrokerConfig.AllInOne here) {
      return here;
    }
    throw new ConfigException("this sidecar relays", List.of("Vault is set up at its broker"));
  }

  private static SetupSettings.JwtKeys keys(
      @Nullable List<Path> files, @Nullable URI jwks, @Nullable URI issuer, @Nullable Path ca)
      throws IOException {
    if (Stream.of(files, jwks, issuer).filter(Objects::nonNull).count() != 1) {
      throw wrong("one of --jwt-key, --jwks-url and --oidc-discovery-url is needed");
    }
    if (files == null) {
      URI url = jwks == null ? Objects.requireNonNull(issuer) : jwks;
      if (!"https".equals(url.getScheme())) {
        throw wrong(url + " is not https: whoever is on the way could log in");
      }
      Optional<String> pem = ca == null ? Optional.empty() : Optional.of(Files.readString(ca));
      return jwks == null
          ? new SetupSettings.JwtKeys.Discovery(url, pem)
          : new SetupSettings.JwtKeys.Url(url, pem);
    }
    if (ca != null) {
      throw wrong("--jwks-ca is for --jwks-url and --oidc-discovery-url alone");
    }
    List<String> pems = new ArrayList<>();
    for (Path file : files) {
      pems.add(Files.readString(file));
    }
    return new SetupSettings.JwtKeys.Pem(pems);
  }

  private static ConfigException wrong(String why) {
    return new ConfigException("the command", List.of(why));
  }

  private static Map<String, SetupSettings.Admin> admins(
      Map<String, String> given, Map<String, Path> cas) throws IOException {
    for (String target : cas.keySet()) {
      if (!given.containsKey(target)) {
        throw new ConfigException(
            "the command", List.of("--target-ca " + target + " has no --admin of that target"));
      }
    }
    Map<String, SetupSettings.Admin> admins = new LinkedHashMap<>();
    for (Map.Entry<String, String> each : given.entrySet()) {
      String[] parts = each.getValue().split(":", 2);
      if (parts.length != 2) {
        throw new ConfigException(
            "the command", List.of("--admin " + each.getKey() + " is not TARGET=USER:FILE"));
      }
      admins.put(
          each.getKey(),
          new SetupSettings.Admin(
              parts[0], secret(Path.of(parts[1])), Optional.ofNullable(cas.get(each.getKey()))));
    }
    return admins;
  }

  private static SecretBytes secret(Path file) throws IOException {
    return SecretBytes.adopt(Files.readString(file).strip().getBytes(StandardCharsets.UTF_8));
  }
}
