package io.exeat.it.kube;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.exeat.it.Needs;
import io.exeat.it.environment.Binaries;
import io.exeat.it.environment.Packaged;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.NullMarked;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The chart in {@code deploy/helm/exeat}, with a real helm. */
@NullMarked
final class TheChartIsRenderedIT {
  private static final Path DEPLOY = Packaged.root().resolve("deploy");

  @TempDir private Path home;
  private Path helm;

  @BeforeEach
  void find() {
    helm = Needs.part("helm", Binaries.helm());
  }

  @Test
  void itHasNothingToComplainOf() throws Exception {
    assertThat(helm(0, "lint", chart(), "--strict", "--set", "trustDomain=example.org"))
        .contains("0 chart(s) failed");
  }

  @ParameterizedTest
  @ValueSource(strings = {"all-in-one", "relayed"})
  void theManifestsBesideItAreWhatItGives(String form) throws Exception {
    assertThat(
            template("--values", DEPLOY.resolve("kubernetes/" + form + ".values.yaml").toString()))
        .isEqualTo(Files.readString(DEPLOY.resolve("kubernetes/" + form + ".yaml")));
  }

  @Test
  void theEntriesBesideSpireAreWhatItGives() throws Exception {
    assertThat(template("--set", "trustDomain=example.org", "-s", "templates/spiffeids.yaml"))
        .isEqualTo(
            Files.readString(
                Packaged.root().resolve("spire-config/kubernetes/clusterspiffeids.yaml")));
  }

  @Test
  void aNodesBrokerIsReachedFromItsNode() throws Exception {
    assertThat(
            template(
                "--set",
                "trustDomain=example.org,form=relayed,broker.kind=DaemonSet,broker.operators[0]=spiffe://example.org/ops"))
        .contains("kind: DaemonSet", "internalTrafficPolicy: Local", "spiffe://example.org/ops")
        .doesNotContain("kind: StatefulSet", "volumeClaimTemplates");
  }

  @Test
  void anInjectorWithAnSvidIsKnownByTheBundle() throws Exception {
    String bundle = "-----BEGIN CERTIFICATE-----";
    assertThat(
            template(
                "--set",
                "trustDomain=example.org,injector.certificate.mode=svid,injector.certificate.caBundle="
                    + bundle))
        .contains(
            "caBundle: " + java.util.Base64.getEncoder().encodeToString(bundle.getBytes(UTF_8)),
            "id: spiffe://example.org/ns/exeat/sa/exeat-injector",
            "- exeat-injector.exeat.svc")
        .doesNotContain("cert-manager");
  }

  @Test
  void policiesAreReadWhereTheyAreMounted() throws Exception {
    assertThat(
            template(
                "--set",
                "trustDomain=example.org,agents.namespaces[0]=a,policies.x\\.cedar=permit(principal\\,action\\,resource);"))
        .contains("name: exeat-policies", "folder: /etc/exeat/policies");
  }

  /** Each with the value's place and what it must be. */
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "namespace.create=true | /trustDomain",
        "trustDomain=example.org,agentz=1 | additional properties 'agentz' not allowed",
        "trustDomain=example.org,form=both | one of 'all-in-one', 'relayed'",
        "trustDomain=example.org,sidecar.uid=0 | /sidecar/uid",
        "trustDomain=example.org,config.vault.address=http://vault | /config/vault/address",
        "trustDomain=example.org,config.attestation.mode=development | /config",
        "trustDomain=example.org,injector.certificate.mode=svid | /injector/certificate/caBundle",
        "trustDomain=example.org,broker.kind=Deployment | 'StatefulSet', 'DaemonSet'",
        "trustDomain=example.org,image.repository=x; rm | /image/repository",
      })
  void aWrongValueIsRefused(String values, String why) throws Exception {
    assertThat(helm(1, "template", "exeat", chart(), "--kube-version", "1.36.0", "--set", values))
        .contains(why);
  }

  private String template(String... words) throws Exception {
    List<String> all =
        new ArrayList<>(
            List.of(
                "template", "exeat", chart(), "--namespace", "exeat", "--kube-version", "1.36.0"));
    all.addAll(List.of(words));
    return helm(0, all.toArray(String[]::new));
  }

  private static String chart() {
    return DEPLOY.resolve("helm/exeat").toString();
  }

  private String helm(int status, String... words) throws Exception {
    List<String> command = new ArrayList<>(List.of(helm.toString()));
    command.addAll(List.of(words));
    Path said = home.resolve("said");
    ProcessBuilder builder =
        new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(said.toFile());
    for (String each : List.of("HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME")) {
      builder.environment().put(each, home.toString());
    }
    Process process = builder.start();
    try {
      assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
      String text = Files.readString(said);
      assertThat(process.exitValue()).as(text).isEqualTo(status);
      return text;
    } finally {
      process.destroyForcibly();
    }
  }
}
