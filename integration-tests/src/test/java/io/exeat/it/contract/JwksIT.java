package io.exeat.it.contract;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.exeat.base.FaultException;
import io.exeat.base.SecretBytes;
import io.exeat.credential.vault.Change;
import io.exeat.credential.vault.SetupSettings;
import io.exeat.credential.vault.VaultSettings;
import io.exeat.credential.vault.VaultSetup;
import io.exeat.it.environment.TestCertificate;
import io.exeat.task.Catalogue;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** JWT authorities that Vault fetches over TLS, as SPIRE's OIDC provider serves them. */
@SuppressWarnings("NullAway.Init")
final class JwksIT {
  private final Real real = Real.get();
  private final TestIdentity identity = new TestIdentity(Real.BROKER);
  private final VaultSettings settings =
      new VaultSettings(
          real.bao.address(),
          Optional.empty(),
          "spiffe-jwks",
          "exeat-jwks",
          "vault",
          Duration.ofSeconds(5),
          Duration.ofHours(1),
          Duration.ofMinutes(2),
          false);

  @TempDir private Path folder;
  private TestCertificate certificate;
  private KeyServer server;
  private volatile String served = "";

  @BeforeEach
  void serve() throws IOException {
    certificate = TestCertificate.create(folder);
    served = identity.jwks();
    server = new KeyServer(certificate, () -> served);
  }

  @AfterEach
  void stop() {
    server.close();
    var _ = real.bao.call("DELETE", "sys/auth/spiffe-jwks", Map.of());
  }

  @Test
  void aLoginIsVerifiedByTheKeysThatAreServedNow() {
    apply(certificate.certificate());
    assertThat(login(identity)).isEqualTo(200);

    identity.changeKey("two");
    assertThat(login(identity)).isEqualTo(400);
    served = identity.jwks();
    assertThat(login(identity)).isEqualTo(200);

    TestIdentity stranger = new TestIdentity(Real.BROKER);
    assertThat(login(stranger)).isEqualTo(400);
  }

  @Test
  void settingItUpTwiceChangesNothing() {
    apply(certificate.certificate());
    assertThat(apply(certificate.certificate()))
        .contains(new Change("auth/spiffe-jwks/config", Change.Kind.SAME, List.of()));
  }

  @Test
  void aServerThatNobodyVouchesForIsRefusedWhenItIsSetUp() throws IOException {
    TestCertificate other = TestCertificate.create(Files.createDirectory(folder.resolve("other")));
    assertThatThrownBy(() -> apply(other.certificate()))
        .isInstanceOf(FaultException.class)
        .hasMessageContaining("auth/spiffe-jwks/config")
        .hasMessageContaining("error checking jwks URL");
  }

  /** Vault believes what is served; before, only the keys that were written there. */
  @Test
  void keysByUrlTakeThePlaceOfStaticOnes() {
    try (VaultSetup operator =
        setup(new SetupSettings.JwtKeys.Pem(List.of(identity.publicKeyPem())))) {
      var _ = operator.apply(catalogue());
    }
    TestIdentity before = new TestIdentity(Real.BROKER);
    assertThat(login(before)).isEqualTo(400);
    served = before.jwks();
    apply(certificate.certificate());
    assertThat(login(before)).isEqualTo(200);
    assertThat(login(identity)).isEqualTo(400);
  }

  private List<Change> apply(Path ca) {
    try (VaultSetup operator =
        setup(new SetupSettings.JwtKeys.Url(server.address(), Optional.of(Files.readString(ca))))) {
      return operator.apply(catalogue());
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  private static Catalogue catalogue() {
    return new Catalogue(Map.of(), Map.of(), Map.of(), Map.of(), Map.of());
  }

  private VaultSetup setup(SetupSettings.JwtKeys keys) {
    return new VaultSetup(
        settings,
        new SetupSettings(Real.BROKER, keys, true, Duration.ofHours(8), Map.of()),
        real.bao::trust,
        SecretBytes.adopt(real.bao.rootToken().getBytes(StandardCharsets.UTF_8)));
  }

  private int login(TestIdentity by) {
    return real.bao
        .call(
            "POST",
            "auth/spiffe-jwks/login",
            Map.of("role", "exeat-jwks", "jwt", by.jwtOf(Real.BROKER, "vault")),
            "")
        .status();
  }
}
