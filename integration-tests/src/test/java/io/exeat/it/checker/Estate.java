package io.exeat.it.checker;

import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Set;
import javax.net.ssl.SSLContext;

/**
 * Where a broker and what it lends can be looked at, and what it may do.
 *
 * @param since what Vault made before then is nobody's here
 * @param vaultToken of a policy that looks and changes nothing
 * @param vaultRole the Vault role by which the broker logs in, and no other
 * @param vaultLog Vault's own audit file
 * @param database a JDBC address as superuser
 * @param folder the broker's: its log
 * @param journal its journal's folder
 * @param chain the audit chain's folder
 * @param issuer the path in Vault of who signs certificates
 * @param certified the grants that lend certificates; the others lend logins
 * @param ceilings each agent's grants, by SPIFFE ID
 * @param heartbeat how long a session of the broker's lives in Vault that nobody renews
 * @param lease the longest life of a lease and of a login that nobody renews
 * @param certificate the longest life of a certificate
 */
public record Estate(
    Instant since,
    URI vault,
    SSLContext trust,
    String vaultToken,
    String vaultRole,
    Path vaultLog,
    String database,
    Path folder,
    Path journal,
    Path chain,
    String issuer,
    Set<String> certified,
    Map<String, Set<String>> ceilings,
    Duration heartbeat,
    Duration lease,
    Duration certificate) {
  /** What Vault adds to a login's end, and how far two hosts' clocks may differ. */
  static final Duration MARGIN = Duration.ofSeconds(7);

  /** Files in which no secret may be. */
  List<Path> written() {
    return List.of(folder.resolve("log"), journal, chain, vaultLog);
  }

  /** Where Vault lends for a grant. */
  String path(String grant) {
    return (certified.contains(grant) ? VaultLog.CERTIFICATES : VaultLog.LOGINS) + grant;
  }

  /** Every grant that anybody may have. */
  Set<String> grants() {
    return ceilings.values().stream()
        .flatMap(Set::stream)
        .collect(java.util.stream.Collectors.toUnmodifiableSet());
  }
}
