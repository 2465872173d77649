package io.exeat.app;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.exeat.config.ConfigException;
import io.exeat.config.Settings;
import io.exeat.kube.InjectConfig;
import io.exeat.kube.SidecarPlan;
import java.net.URI;
import java.nio.file.Path;
import java.util.Map;
import org.jspecify.annotations.NullMarked;
import org.junit.jupiter.api.Test;

@NullMarked
final class InjectFileTest {
  private static final String LEAST =
      """
      namespace: exeat
      sidecar: {trust-domain: example.org, image: "registry.example.org/exeat:1"}
      """;

  @Test
  void whatIsNotSaidHasADefault() {
    InjectConfig config = read(LEAST, Map.of());

    assertThat(config.listen().getPort()).isEqualTo(9443);
    assertThat(config.certificate())
        .isEqualTo(
            new InjectConfig.Files(
                Path.of("/run/exeat/tls/tls.crt"), Path.of("/run/exeat/tls/tls.key")));
    assertThat(config.sidecar().uid()).isEqualTo(64_001);
    assertThat(config.sidecar().form()).isEqualTo(new SidecarPlan.AllInOne("exeat"));
  }

  @Test
  void theEnvironmentAloneMakesItRelay() {
    InjectConfig config =
        read(
            LEAST,
            Map.of(
                "EXEAT_SIDECAR_RELAY_TO", "broker.exeat.svc:8443",
                "EXEAT_SIDECAR_RELAY_BROKER", "spiffe://example.org/broker/b"));

    assertThat(config.sidecar().form())
        .isEqualTo(
            new SidecarPlan.Relayed("broker.exeat.svc:8443", "spiffe://example.org/broker/b"));
  }

  @Test
  void theBundleOfAnSvidIsKeptWhenAWebhookIsNamed() {
    String svid = LEAST + "certificate: {mode: svid, id: 'spiffe://example.org/i'%s}\n";

    assertThat(read(svid.formatted(", registration: {webhook: exeat}"), Map.of()).certificate())
        .isInstanceOfSatisfying(
            InjectConfig.OwnSvid.class,
            it ->
                assertThat(it.registration())
                    .contains(
                        new InjectConfig.Registration(
                            "exeat",
                            URI.create("https://kubernetes.default.svc"),
                            Path.of("/run/exeat/account"))));
    assertThat(read(svid.formatted(""), Map.of()).certificate())
        .isInstanceOfSatisfying(
            InjectConfig.OwnSvid.class, it -> assertThat(it.registration()).isEmpty());
    assertThatThrownBy(() ->
            read(
                svid.formatted(", registration: {webhook: ../x, api-server: 'http://a/b'}"),
                Map.of()))
        .isInstanceOfSatisfying(
            ConfigException.class,
            e ->
                assertThat(String.join("\n", e.problems()))
                    .contains("certificate.registration.webhook")
                    .contains("certificate.registration.api-server"));
  }

  @Test
  void everyProblemIsToldAtOnce() {
    String wrong =
        """
        namespace: "A b"
        certificate: {mode: files, id: "spiffe://example.org/x"}
        sidecar: {image: "x; rm", uid: 0, relay: {to: here}, config-map: both}
        """;

    assertThatThrownBy(() -> read(wrong, Map.of()))
        .isInstanceOfSatisfying(
            ConfigException.class,
            e ->
                assertThat(String.join("\n", e.problems()))
                    .contains("namespace", "certificate.\"id\"", "sidecar.trust-domain")
                    .contains("sidecar.image", "sidecar.uid", "sidecar.relay.to")
                    .contains("sidecar.relay.broker", "sidecar.\"config-map\""));
  }

  private static InjectConfig read(String yaml, Map<String, String> environment) {
    return InjectFile.read(Settings.parse("test", yaml.getBytes(UTF_8), environment));
  }
}
