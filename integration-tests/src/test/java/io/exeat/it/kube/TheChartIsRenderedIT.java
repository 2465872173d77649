package io.exeat.it.kube;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.exeat.it.environment.Helm;
import io.exeat.it.environment.Manifests;
import io.exeat.it.environment.Packaged;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Pattern;
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
  private Helm helm;

  @BeforeEach
  void find() {
    helm = Helm.in(home);
  }

  @Test
  void itHasNothingToComplainOf() throws Exception {
    assertThat(helm.run(0, "lint", Helm.chart(), "--strict", "--set", "trustDomain=example.org"))
        .contains("0 chart(s) failed");
  }

  @ParameterizedTest
  @ValueSource(strings = {"all-in-one", "relayed", "node"})
  void theManifestsBesideItAreWhatItGives(String form) throws Exception {
    assertThat(
            helm.template(
                "--values", DEPLOY.resolve("kubernetes/" + form + ".values.yaml").toString()))
        .isEqualTo(Files.readString(DEPLOY.resolve("kubernetes/" + form + ".yaml")));
  }

  @Test
  void theEntriesBesideSpireAreWhatItGives() throws Exception {
    assertThat(helm.template("--set", "trustDomain=example.org", "-s", "templates/spiffeids.yaml"))
        .isEqualTo(
            Files.readString(
                Packaged.root().resolve("spire-config/kubernetes/clusterspiffeids.yaml")));
  }

  @Test
  void aNodesBrokerIsReachedFromItsNode() throws Exception {
    assertThat(
            helm.template(
                "--set",
                "trustDomain=example.org,form=relayed,broker.kind=DaemonSet,broker.operators[0]=spiffe://example.org/ops"))
        .contains("kind: DaemonSet", "internalTrafficPolicy: Local", "spiffe://example.org/ops")
        .doesNotContain("kind: StatefulSet", "volumeClaimTemplates");
  }

  @Test
  void aSecretsSignerIsToldToTheApiServer() throws Exception {
    String bundle = "-----BEGIN CERTIFICATE-----";
    assertThat(
            helm.template(
                "--set",
                "trustDomain=example.org,injector.certificate.mode=secret,injector.certificate.caBundle="
                    + bundle))
        .contains(
            "caBundle: " + java.util.Base64.getEncoder().encodeToString(bundle.getBytes(UTF_8)))
        .doesNotContain("cert-manager", "ClusterRole");
  }

  /** So an upgrade leaves the caBundle alone that the injector has written. */
  @Test
  void anInjectorWithAnSvidKeepsTheBundleItself() throws Exception {
    assertThat(helm.template("--set", "trustDomain=example.org,injector.certificate.mode=svid"))
        .contains(
            "registration: { webhook: exeat }",
            "id: spiffe://example.org/ns/exeat/sa/exeat-injector",
            "- exeat-injector.exeat.svc",
            "resourceNames: [exeat]\n    verbs: [get, patch]")
        .doesNotContain("cert-manager.io", "caBundle:");
  }

  @Test
  void policiesAreReadWhereTheyAreMounted() throws Exception {
    assertThat(
            helm.template(
                "--set",
                "trustDomain=example.org,agents.namespaces[0]=a,policies.x\\.cedar=permit(principal\\,action\\,resource);"))
        .contains("name: exeat-policies", "folder: /etc/exeat/policies");
  }

  /** Which the broker refuses to open tasks by; nothing else of the catalogue changes. */
  @ParameterizedTest
  @ValueSource(strings = {"form=relayed", "node.enabled=true", "form=all-in-one"})
  void whileDrainingNoAgentHasAnIntent(String form) throws Exception {
    String[] words = {
      "--values",
      DEPLOY.resolve("examples/planner-and-worker/values.yaml").toString(),
      "--set",
      form
    };
    String usual = helm.template(words);
    words[words.length - 1] += ",draining=true";

    assertThat(usual).containsPattern("intents:\n +- plan-tickets");
    assertThat(helm.template(words))
        .isEqualTo(usual.replaceAll("intents:\n +- (plan-tickets|answer-ticket)", "intents: []"));
  }

  /** And of those that agents' pods have nothing is in it. */
  @Test
  void brokersReachWhatIsSaidOfThem() throws Exception {
    String[] words = {
      "--set",
      "trustDomain=example.org,form=relayed,node.enabled=true,networkPolicy.enabled=true,agents.namespaces[0]=a",
      "--set-json",
      rule("egress", "10.1.0.0/16"),
      "-s",
      "templates/network.yaml"
    };
    assertThat(Manifests.all(helm.template(words))).hasSize(1);

    words[3] = rule("egress", "10.1.0.0/16") + "," + rule("brokerEgress", "10.2.0.0/16");
    assertThat(
            Manifests.all(helm.template(words)).stream()
                .map(TheChartIsRenderedIT::reached)
                .toList())
        .containsExactlyInAnyOrder(
            "exeat-agents in a called on no port, calls 10.1.0.0/16",
            "exeat-broker in exeat called on 8443, calls 10.2.0.0/16",
            "exeat-node in exeat called on no port, calls 10.2.0.0/16");
  }

  private static String reached(String policy) {
    return Pattern.compile(
            "(?s).*\\n  name: (\\S+)\\n  namespace: (\\S+)\\n.*\\n  ingress:(.*?)\\n  egress:.*"
                + " cidr: (\\S+).*")
        .matcher(policy)
        .replaceFirst("$1 in $2 called on$3, calls $4")
        .replaceFirst("(?s)\\s+- ports:.*port: (\\d+) }", " $1")
        .replace(" []", " no port")
        .strip();
  }

  private static String rule(String of, String cidr) {
    return """
    networkPolicy.%s=[{"to":[{"ipBlock":{"cidr":"%s"}}],"ports":[{"port":443}]}]\
    """
        .formatted(of, cidr);
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
        "trustDomain=example.org,injector.certificate.mode=secret | /injector/certificate/caBundle",
        "trustDomain=example.org,broker.kind=Deployment | 'StatefulSet', 'DaemonSet'",
        "trustDomain=example.org,draining=soon | /draining",
        "trustDomain=example.org,networkPolicy.egress[0].ports[0].port=443 | 'to'",
        "trustDomain=example.org,form=relayed,config.mcp.path=/run/exeat/mcp.sock | config.mcp:"
            + " agents' pods cannot reach",
        "trustDomain=example.org,node.door=/a/../b | /node/door",
        "trustDomain=example.org,node.enabled=true,namespace.create=true | which Pod Security"
            + " refuses",
        "trustDomain=example.org,image.repository=x; rm | /image/repository",
      })
  void aWrongValueIsRefused(String values, String why) throws Exception {
    assertThat(
            helm.run(
                1, "template", "exeat", Helm.chart(), "--kube-version", "1.36.0", "--set", values))
        .contains(why);
  }
}
