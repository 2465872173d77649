package io.exeat.it.environment;

import com.nimbusds.jose.JOSEException;
import com.nimbusds.jose.jwk.JWK;
import com.nimbusds.jose.jwk.JWKSet;
import io.spiffe.spiffeid.SpiffeId;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.text.ParseException;
import java.time.Duration;
import java.util.Base64;
import java.util.List;

/** A real SPIRE as the issuer of a {@link Stage}: brokers of our uid, agents of another. */
public final class SpireStage implements AutoCloseable {
  public static final Duration PATIENCE = Spire.PATIENCE;
  private static final Duration LIFE = Duration.ofHours(1);

  /** How the broker asks it for an agent's SVID. */
  public enum Mode {
    BROKER_API("broker-api"),
    DELEGATED("delegated"),
    WORKLOAD_API("workload-api");

    private final String word;

    Mode(String word) {
      this.word = word;
    }
  }

  private final Stage stage;
  private final Spire spire;
  private final String java;
  private String processEntry;
  private String podEntry;

  private SpireStage(Stage stage, Spire spire) {
    this.stage = stage;
    this.spire = spire;
    try {
      this.java = Packaged.java().toRealPath().toString();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    // Only a root runs this: see OtherUser.
    for (SpiffeId id : List.of(Stage.BROKER, Stage.SIDECAR)) {
      var _ = spire.entry(id.toString(), LIFE, "", "unix:uid:0", "unix:path:" + java);
    }
    this.processEntry = ofProcesses();
    this.podEntry = ofPod();
  }

  /** Skips the test where there is no SPIRE. */
  public static SpireStage start(Stage stage) {
    return new SpireStage(stage, Spire.start());
  }

  private String ofProcesses() {
    return spire.entry(
        Stage.AGENT.toString(), LIFE, "", "unix:uid:" + OtherUser.AGENT, "unix:path:" + java);
  }

  /** As one of a pod, it matches the broker's process too; the agent's is in no entry of it. */
  private String ofPod() {
    return spire.entry(Stage.AGENT.toString(), LIFE, Yaml.POD_HINT, "unix:uid:0");
  }

  public Stage.Place place(Mode mode) {
    return stage.place(place(mode, "spire", "exeat-spire"), () -> pem(spire.jwks()));
  }

  /** Where Vault asks SPIRE's OIDC discovery provider, which is started, for the keys. */
  public Stage.Place discovered(Mode mode) {
    Path ca = spire.startProvider();
    return stage.place(place(mode, "spire-oidc", "exeat-spire-oidc"), spire.issuer(), ca);
  }

  private Stage.Place place(Mode mode, String mount, String role) {
    return new Stage.Place(
        mode.word, spire.workloadSocket(), socket(mode), mount, role, Duration.ofMinutes(2));
  }

  /** What is in each JWT-SVID as {@code iss}. */
  public URI issuer() {
    return spire.issuer();
  }

  private Path socket(Mode mode) {
    return switch (mode) {
      case BROKER_API -> spire.brokerSocket();
      case DELEGATED -> spire.adminSocket();
      case WORKLOAD_API -> spire.workloadSocket();
    };
  }

  public void removeAgentEntry(Mode mode) {
    spire.removeEntry(mode == Mode.WORKLOAD_API ? podEntry : processEntry);
  }

  public void addAgentEntry(Mode mode) {
    if (mode == Mode.WORKLOAD_API) {
      podEntry = ofPod();
    } else {
      processEntry = ofProcesses();
    }
  }

  /**
   * Another entry of the agent's ID, which matches the broker's process too.
   *
   * @return the entry, for {@link #remove}
   */
  public String entitleAgain(String hint) {
    return spire.entry(Stage.AGENT.toString(), LIFE, hint, "unix:uid:0", "unix:path:" + java);
  }

  public void remove(String entry) {
    spire.removeEntry(entry);
  }

  public void restartAgent() {
    stopAgent();
    startAgent();
  }

  public void stopAgent() {
    spire.stopAgent();
  }

  public void startAgent() {
    spire.startAgent();
  }

  /** The JWT authorities alone: Vault would believe an X.509 authority's key as well. */
  static String pem(String jwks) {
    try {
      StringBuilder pem = new StringBuilder();
      for (JWK key : JWKSet.parse(jwks).getKeys()) {
        if (key.getKeyUse() != null && key.getKeyUse().identifier().equals("jwt-svid")) {
          pem.append("-----BEGIN PUBLIC KEY-----\n")
              .append(
                  Base64.getMimeEncoder(64, "\n".getBytes(StandardCharsets.US_ASCII))
                      .encodeToString(key.toECKey().toECPublicKey().getEncoded()))
              .append("\n-----END PUBLIC KEY-----\n");
        }
      }
      return pem.toString();
    } catch (ParseException | JOSEException e) {
      throw new IllegalStateException(e);
    }
  }

  @Override
  public void close() {
    spire.close();
  }
}
