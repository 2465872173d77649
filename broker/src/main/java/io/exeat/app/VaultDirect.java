package io.exeat.app;

import io.exeat.base.CannotStart;
import io.exeat.base.FaultException;
import io.exeat.base.SecretBytes;
import io.exeat.cli.Cli;
import io.exeat.cli.Direct;
import io.exeat.cli.Exit;
import io.exeat.config.ConfigException;
import io.exeat.credential.vault.DirectEnd;
import io.exeat.credential.vault.VaultSettings;
import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;
import java.util.stream.Collectors;
import javax.net.ssl.X509TrustManager;

/** {@code exeat revoke --direct}: with the environment and the token file of Vault's own CLI. */
final class VaultDirect implements Direct {
  private static final Duration EACH = Duration.ofSeconds(20);
  private static final Duration TIMEOUT = Duration.ofSeconds(10);

  private final Map<String, String> environment;

  VaultDirect(Map<String, String> environment) {
    this.environment = environment;
  }

  @Override
  public int revoke(What what, boolean dryRun, Cli cli) {
    try {
      Optional<Path> named = of("CACERT").map(Path::of);
      X509TrustManager trust =
          VaultTrust.of(
              named.or(this::configuredCa),
              named.isPresent() ? "BAO_CACERT or VAULT_CACERT" : "vault.ca");
      try (SecretBytes operator = token();
          DirectEnd vault = new DirectEnd(settings(), () -> VaultTrust.plain(trust), operator)) {
        return revoke(vault, what, dryRun, cli);
      }
    } catch (ConfigException | CannotStart | IllegalArgumentException e) {
      cli.err().println("exeat: " + e.getMessage());
      return Exit.USAGE;
    } catch (IOException e) {
      cli.err().println("exeat: cannot read " + e.getMessage());
      return Exit.USAGE;
    } catch (FaultException e) {
      cli.err().println("exeat: " + e.getMessage());
      return Exit.UNAVAILABLE;
    } finally {
      cli.out().flush();
      cli.err().flush();
    }
  }

  private static int revoke(DirectEnd vault, What what, boolean dryRun, Cli cli) {
    List<DirectEnd.Found> all = vault.find(found -> isWanted(what, found));
    int left = 0;
    for (DirectEnd.Found found : all) {
      List<String> alive = dryRun ? List.of("not touched: --dry-run") : vault.end(found, EACH);
      left += alive.isEmpty() ? 0 : 1;
      cli.out()
          .println(
              (alive.isEmpty() ? "ended      " : dryRun ? "would end  " : "NOT ENDED  ")
                  + found
                  + (alive.isEmpty() || dryRun ? "" : ": " + String.join("; ", alive)));
    }
    cli.out().println(all.size() + " found, " + (all.size() - left) + " ended in Vault");
    if (!all.isEmpty() && !dryRun) {
      cli.out().println("Vault's word is no proof. Look at each database; both must answer 0:");
      looks(all).forEach(sql -> cli.out().println("  " + sql));
    }
    return left == 0 || dryRun ? Exit.OK : Exit.PENDING;
  }

  private static List<String> looks(List<DirectEnd.Found> all) {
    String names =
        all.stream()
            .map(DirectEnd.Found::task)
            .collect(Collectors.toCollection(TreeSet::new))
            .stream()
            .map(task -> "'x-" + task + "-%'")
            .collect(Collectors.joining(", ", "(ARRAY[", "])"));
    return List.of(
        "SELECT count(*) FROM pg_roles WHERE rolname LIKE ANY " + names + ";",
        "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND (usename"
            + " LIKE ANY "
            + names
            + " OR usesysid NOT IN (SELECT oid FROM pg_roles));");
  }

  private static boolean isWanted(What what, DirectEnd.Found found) {
    return what.task().map(found::isOf).orElse(true)
        && what.agent().map(found.agent()::equals).orElse(true)
        && what.grant().map(found.grants()::contains).orElse(true);
  }

  private VaultSettings settings() {
    URI address =
        of("ADDR")
            .map(URI::create)
            .or(() -> configured().map(BrokerConfig.Vault::address))
            .orElseThrow(
                () -> new ConfigException("--direct", List.of("VAULT_ADDR says where Vault is")));
    return new VaultSettings(
        address,
        of("NAMESPACE").or(() -> configured().flatMap(BrokerConfig.Vault::namespace)),
        "spiffe",
        "operator",
        "operator",
        TIMEOUT,
        Duration.ofHours(1),
        Duration.ofMinutes(2),
        "http".equals(address.getScheme()));
  }

  /** {@code VAULT_TOKEN}, else the file in which Vault's CLI keeps the token of a login. */
  private SecretBytes token() throws IOException {
    Path file = Path.of(environment.getOrDefault("HOME", "/")).resolve(".vault-token");
    Optional<String> named = of("TOKEN");
    if (named.isEmpty() && !Files.exists(file)) {
      throw new ConfigException(
          "--direct",
          List.of("no login: set VAULT_TOKEN, or log in with bao login or vault login first"));
    }
    String token = named.isPresent() ? named.get() : Files.readString(file).strip();
    return SecretBytes.adopt(token.getBytes(StandardCharsets.UTF_8));
  }

  private Optional<Path> configuredCa() {
    return of("ADDR").isPresent() ? Optional.empty() : configured().flatMap(BrokerConfig.Vault::ca);
  }

  private Optional<BrokerConfig.Vault> configured() {
    try {
      return ConfigFile.read(Optional.empty(), environment).form()
              instanceof BrokerConfig.AllInOne here
          ? Optional.of(here.vault())
          : Optional.empty();
    } catch (ConfigException e) {
      return Optional.empty();
    }
  }

  /** As Vault's CLI reads it, or OpenBao's. */
  private Optional<String> of(String name) {
    return Optional.ofNullable(environment.get("BAO_" + name))
        .or(() -> Optional.ofNullable(environment.get("VAULT_" + name)))
        .filter(value -> !value.isEmpty());
  }
}
