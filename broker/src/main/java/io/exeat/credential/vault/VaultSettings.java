package io.exeat.credential.vault;

import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import java.net.URI;
import java.time.Duration;
import java.util.Optional;

/**
 * Where Vault is and who the broker is there.
 *
 * @param address such as {@code https://vault.example.org:8200}: no path, no query
 * @param namespace sent with every request; empty for none
 * @param mount path of the JWT method that knows our SVIDs, such as {@code spiffe}
 * @param role our role there
 * @param audience of our JWT-SVIDs: what that role is bound to
 * @param timeout of one call, 1 s to 60 s; ending a lease may take 30 s whatever this is
 * @param longestTask the longest life of any task: a session that would end sooner gets a successor
 * @param sessionTtl after which of silence Vault ends our session and all epochs with it, 5 s to 1
 *     h; {@link VaultSetup} writes it into the role
 * @param developmentPlaintext whether {@code http://} is allowed; never where anybody else can
 *     listen
 */
public record VaultSettings(
    URI address,
    Optional<String> namespace,
    String mount,
    String role,
    String audience,
    Duration timeout,
    Duration longestTask,
    Duration sessionTtl,
    boolean developmentPlaintext) {
  private static final Duration SHORTEST = Duration.ofSeconds(1);
  private static final Duration LONGEST = Duration.ofSeconds(60);
  private static final Duration SHORTEST_SESSION = Duration.ofSeconds(5);
  private static final Duration LONGEST_SESSION = Duration.ofHours(1);

  /**
   * @throws FaultException Malformed, naming the configuration's key
   */
  public VaultSettings {
    String scheme = address.getScheme();
    boolean http = "http".equals(scheme);
    if (!(http || "https".equals(scheme)) || address.getHost() == null) {
      throw malformed("vault.address", "not https://<host>:<port>");
    }
    if (!Optional.ofNullable(address.getPath()).orElse("").matches("/?")
        || address.getQuery() != null
        || address.getFragment() != null
        || address.getUserInfo() != null) {
      throw malformed("vault.address", "has more than https://<host>:<port>");
    }
    if (http && !developmentPlaintext) {
      throw malformed("vault.address", "http:// needs vault.development-plaintext=true");
    }
    if (timeout.compareTo(SHORTEST) < 0 || timeout.compareTo(LONGEST) > 0) {
      throw malformed("vault.timeout", "outside 1s to 60s");
    }
    if (sessionTtl.compareTo(SHORTEST_SESSION) < 0 || sessionTtl.compareTo(LONGEST_SESSION) > 0) {
      throw malformed("vault.session-ttl", "outside 5s to 1h");
    }
    Names.check("vault.mount", mount);
    Names.check("vault.role", role);
    if (audience.isBlank()) {
      throw malformed("vault.audience", "empty");
    }
  }

  private static FaultException malformed(String key, String problem) {
    return new FaultException(new Fault.Malformed(key, problem));
  }
}
