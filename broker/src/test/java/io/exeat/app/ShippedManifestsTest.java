package io.exeat.app;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.exeat.attest.AttestConfig;
import io.exeat.task.CatalogueFile;
import io.spiffe.spiffeid.SpiffeId;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What the chart writes into ConfigMaps and what the injector says in a sidecar's environment is,
 * together, a configuration that the sidecar takes.
 */
final class ShippedManifestsTest {
  @TempDir private Path folder;

  @Test
  void aSidecarThatIsTheBrokerTakesItsConfiguration() throws IOException {
    JsonNode manifests = ShippedFiles.manifests("all-in-one");
    JsonNode map = ShippedFiles.data(manifests, "agents", "exeat");

    BrokerConfig config =
        ShippedFiles.read(map.path("exeat.yaml").asText(), ShippedFiles.sidecar(manifests));

    assertThat(config.form()).isInstanceOf(BrokerConfig.AllInOne.class);
    assertThat(config.identity().id())
        .hasToString("spiffe://example.org/ns/agents/sa/app/broker/billing");
    assertThat(config.attestation().local()).get().isInstanceOf(AttestConfig.WorkloadApi.class);
    catalogue(map);
  }

  @Test
  void aSidecarThatRelaysFindsItsBroker() throws IOException {
    JsonNode manifests = ShippedFiles.manifests("relayed");
    JsonNode map = ShippedFiles.data(manifests, "exeat", "exeat-broker");

    BrokerConfig sidecar = ShippedFiles.read("{}", ShippedFiles.sidecar(manifests));
    BrokerConfig broker = ShippedFiles.read(map.path("exeat.yaml").asText(), Map.of());

    BrokerConfig.Relayed relayed = (BrokerConfig.Relayed) sidecar.form();
    assertThat(relayed.relay().broker()).isEqualTo(broker.identity().id());
    assertThat(relayed.relay().host()).isEqualTo("exeat-broker.exeat.svc");
    assertThat(relayed.relay().port()).isEqualTo(broker.listen().orElseThrow().address().getPort());
    AttestConfig.Mtls mtls = broker.attestation().mtls().orElseThrow();
    assertThat(sidecar.attestation().local())
        .get()
        .isInstanceOfSatisfying(
            AttestConfig.WorkloadApi.class,
            it -> assertThat(mtls.agents().test(it.agent())).isTrue());
    catalogue(map);
  }

  /** And SPIRE's agent, as it is configured beside, lets just this one ask. */
  @Test
  void aNodesBrokerAsksSpireByProcess() throws IOException {
    JsonNode manifests = ShippedFiles.manifests("node");
    JsonNode map = ShippedFiles.data(manifests, "exeat", "exeat-node");

    BrokerConfig broker = ShippedFiles.read(map.path("exeat.yaml").asText(), Map.of());

    AttestConfig.BrokerApi mode =
        (AttestConfig.BrokerApi) broker.attestation().local().orElseThrow();
    assertThat(mode.agents().test(SpiffeId.parse("spiffe://example.org/ns/a/sa/b/agent/c")))
        .isTrue();
    String id = broker.identity().id().toString();
    assertThat(
            ShippedFiles.find(manifests, "RoleBinding", "exeat-node")
                .at("/subjects/0/name")
                .asText())
        .isEqualTo(id);
    assertThat(ShippedFiles.find(manifests, "ClusterSPIFFEID", "exeat-node").toString())
        .contains(id);
    assertThat(Files.readString(Path.of("../spire-config/kubernetes/agent.conf")).split(id, -1))
        .hasSize(3);
    JsonNode pod =
        ShippedFiles.find(manifests, "DaemonSet", "exeat-node").at("/spec/template/spec");
    assertThat(pod.path("hostPID").asBoolean()).isTrue();
    assertThat(pod.at("/containers/0/securityContext/capabilities/drop/0").asText())
        .isEqualTo("ALL");
    catalogue(map);
  }

  /** What the policy asks for, and the ClusterSPIFFEID selects, is what the injector writes. */
  @ParameterizedTest
  @ValueSource(strings = {"all-in-one", "relayed"})
  void theManifestsNameTheSidecarAlike(String form) throws IOException {
    JsonNode manifests = ShippedFiles.manifests(form);
    JsonNode injected = ShippedFiles.injected(manifests);
    String name = injected.at("/spec/initContainers/0/name").asText();

    assertThat(ShippedFiles.find(manifests, "ClusterSPIFFEID", "exeat-broker").toString())
        .contains("k8s:container-name:" + name);
    assertThat(ShippedFiles.find(manifests, "ValidatingAdmissionPolicy", "exeat-agents").toString())
        .contains("c.name == \\\"" + name + "\\\"");
    assertThat(ShippedFiles.find(manifests, "Deployment", "exeat-injector").toString())
        .contains(injected.at("/spec/initContainers/0/image").asText());
  }

  private void catalogue(JsonNode map) throws IOException {
    Path file = Files.writeString(folder.resolve("c.yaml"), map.path("catalogue.yaml").asText());
    assertThat(CatalogueFile.read(file).agents()).isEmpty();
  }
}
