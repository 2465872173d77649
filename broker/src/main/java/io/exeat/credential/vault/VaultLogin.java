package io.exeat.credential.vault;

import com.fasterxml.jackson.databind.JsonNode;
import io.exeat.base.Accessor;
import io.exeat.base.FaultException;
import io.exeat.base.SecretBytes;
import io.exeat.base.Time;
import io.exeat.identity.IdentitySource;
import java.time.Duration;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The broker's own token, for its JWT-SVID (JWT-SVID specification; Vault's {@code jwt} method).
 */
final class VaultLogin {
  private static final Logger LOG = LoggerFactory.getLogger(VaultLogin.class);

  /** After which a session of which Vault does not tell the end gets a successor. */
  private static final Duration UNLIMITED = Duration.ofHours(8);

  private final VaultClient client;
  private final VaultSettings settings;
  private final IdentitySource identity;
  private final Time time;

  VaultLogin(VaultClient client, VaultSettings settings, IdentitySource identity, Time time) {
    this.client = client;
    this.settings = settings;
    this.identity = identity;
    this.time = time;
  }

  /**
   * Logs in.
   *
   * @throws FaultException Unavailable IDENTITY or VAULT
   */
  Session login() throws NoAnswer {
    String jwt = identity.jwt(settings.audience(), settings.timeout());
    long sent = time.nanos().getAsLong();
    Answer answer =
        client.login(
            "auth/" + settings.mount() + "/login", Map.of("role", settings.role(), "jwt", jwt));
    if (!answer.ok()) {
      throw Refusals.of("log the broker in", answer);
    }
    JsonNode auth = answer.auth();
    SecretBytes token = Answer.secret(auth.path("client_token"));
    for (JsonNode policy : auth.path("policies")) {
      if ("root".equals(policy.asText())) {
        throw new FaultException(
            Refusals.vault("Vault made the broker root: run exeat vault apply"));
      }
    }
    Duration ttl = Duration.ofSeconds(auth.path("lease_duration").asLong());
    if (!ttl.equals(settings.sessionTtl())) {
      LOG.warn(
          "Vault ends what a silent broker lent after {} s, vault.session-ttl says {} s: run exeat"
              + " vault apply",
          ttl.toSeconds(),
          settings.sessionTtl().toSeconds());
    }
    return new Session(new Accessor(auth.path("accessor").asText()), token, ttl, life(token), sent);
  }

  private Duration life(SecretBytes token) throws NoAnswer {
    Answer self = client.get("auth/token/lookup-self", token);
    long seconds = self.ok() ? self.data().path("explicit_max_ttl").asLong() : 0;
    return seconds > 0 ? Duration.ofSeconds(seconds) : UNLIMITED;
  }
}
