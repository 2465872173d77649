package io.exeat.credential.vault;

import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import io.exeat.base.SecretBytes;
import io.spiffe.spiffeid.SpiffeId;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * What `exeat vault apply` needs beside the catalogue.
 *
 * @param broker the only SPIFFE ID that may log in
 * @param keys what verifies its JWT-SVIDs
 * @param bindIp whether a session works from the address that logged in alone
 * @param sessionLife how long one session can live at most; longer than the longest task
 * @param admins for each target of the catalogue, Vault's own role there
 */
public record SetupSettings(
    SpiffeId broker,
    JwtKeys keys,
    boolean bindIp,
    Duration sessionLife,
    Map<String, Admin> admins) {
  public SetupSettings {
    admins = Map.copyOf(admins);
  }

  /**
   * What verifies JWT-SVIDs. Vault does not look at a key's {@code use}: a bundle must hold JWT
   * authorities only, or an X.509 authority could sign a login.
   */
  public sealed interface JwtKeys {
    /**
     * @param caPem who vouches for the server; empty for the system's
     */
    record Url(URI jwks, Optional<String> caPem) implements JwtKeys {}

    /**
     * An issuer that says itself where its keys are (OpenID Connect Discovery 1.0), such as SPIRE's
     * OIDC discovery provider. It alone is believed: {@code iss} is looked at too.
     *
     * @param issuer as {@code iss} has it; Vault asks below it for the discovery document
     * @param caPem who vouches for the server; empty for the system's
     */
    record Discovery(URI issuer, Optional<String> caPem) implements JwtKeys {}

    /** Public keys in PEM. */
    record Pem(List<String> keys) implements JwtKeys {
      public Pem {
        keys = List.copyOf(keys);
      }
    }
  }

  /**
   * Vault's role at a target, as {@code deploy/postgres/prepare.sql} makes it.
   *
   * @param ca who vouches for the server when the target demands TLS, as a file on Vault's own
   *     host: OpenBao takes no certificate for a PostgreSQL itself; empty for that system's
   */
  public record Admin(String username, SecretBytes password, Optional<Path> ca) {
    private static final Pattern PLAIN = Pattern.compile("/[A-Za-z0-9_.+/-]{1,255}");

    /**
     * @throws FaultException Malformed for a path that is not absolute and plain
     */
    public Admin {
      if (ca.isPresent() && !PLAIN.matcher(ca.get().toString()).matches()) {
        throw new FaultException(
            new Fault.Malformed("setup.admins", "a CA file is not an absolute, plain path"));
      }
    }
  }
}
