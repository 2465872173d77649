package io.exeat.credential.vault;

import io.exeat.base.SecretBytes;
import io.spiffe.spiffeid.SpiffeId;
import java.net.URI;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;

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
   * @param caPem who vouches for the server when the target demands TLS; empty for the system's
   */
  public record Admin(String username, SecretBytes password, Optional<String> caPem) {}
}
