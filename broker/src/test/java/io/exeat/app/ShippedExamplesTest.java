package io.exeat.app;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.exeat.attest.AttestConfig;
import io.exeat.policy.Decision;
import io.exeat.policy.PolicyEngines;
import io.exeat.policy.QuestionJson;
import io.exeat.policy.cedar.CedarEngine;
import io.exeat.task.AgentEntry;
import io.exeat.task.Catalogue;
import io.exeat.task.CatalogueFile;
import io.exeat.task.Grant;
import io.exeat.task.Target;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The files of an example say the same of the same thing, and the broker takes them. */
final class ShippedExamplesTest {
  private static final Path TOOLS = ShippedFiles.DEPLOY.resolve("examples/mcp-postgres");
  private static final Path AGENTS = ShippedFiles.DEPLOY.resolve("examples/planner-and-worker");

  @TempDir private Path folder;

  static List<Path> files() throws IOException {
    try (Stream<Path> all = Files.walk(ShippedFiles.DEPLOY)) {
      return all.filter(it -> it.toString().matches(".*\\.(yaml|json)"))
          .filter(it -> !it.toString().contains("/templates/"))
          .filter(it -> !it.toString().contains("/target/"))
          .toList();
    }
  }

  @ParameterizedTest
  @MethodSource("files")
  void eachFileCanBeRead(Path file) throws IOException {
    assertThat(ShippedFiles.all(file)).isNotEmpty().allMatch(JsonNode::isObject);
  }

  /** As an operator sees on the first day whether the example is of any use. */
  @ParameterizedTest
  @ValueSource(strings = {"mcp-postgres", "planner-and-worker"})
  void thePoliciesThatShipLetEachAgentDoWhatItIsFor(String example) throws IOException {
    Catalogue catalogue = catalogue(example);
    CedarEngine engine = PolicyEngines.shipped();

    assertThat(catalogue.agents()).isNotEmpty();
    for (AgentEntry agent : catalogue.agents().values()) {
      assertThat(agent.grants()).isNotEmpty();
      for (String intent : agent.intents()) {
        assertThat(engine.decide(QuestionJson.read(opening(agent, intent))))
            .as("%s opens a task for %s", agent.name(), intent)
            .isInstanceOf(Decision.Permit.class);
      }
      for (String name : agent.grants()) {
        Grant grant = named(catalogue.grants(), name);
        Target target = named(catalogue.targets(), grant.target());
        for (String action : List.of("hold", "issue")) {
          assertThat(engine.decide(QuestionJson.read(using(agent, grant, target, action))))
              .as("%s: %s of %s", agent.name(), action, name)
              .isInstanceOf(Decision.Permit.class);
        }
      }
    }
  }

  private static ObjectNode opening(AgentEntry agent, String intent) throws IOException {
    ObjectNode question = asking(agent, "open");
    ObjectNode resource = question.putObject("resource");
    resource.put("kind", "intent").put("name", intent).put("system", "").put("data_class", "");
    resource.put("environment", "").putArray("actions");
    return question.put("step", "plan").put("risk", 0);
  }

  private static ObjectNode using(AgentEntry agent, Grant grant, Target target, String action)
      throws IOException {
    ObjectNode question = asking(agent, action);
    ObjectNode resource = question.putObject("resource");
    resource.put("kind", "grant").put("name", grant.name()).put("system", grant.target());
    resource.put("data_class", grant.dataClass()).put("environment", target.environment());
    grant.actions().forEach(resource.putArray("actions")::add);
    boolean plans = action.equals("hold");
    question.withObject("/destination").put("host", plans ? "" : target.host());
    return question
        .put("step", plans ? "plan" : grant.isReadOnly() ? "retrieve" : "execute")
        .put("risk", plans ? 0 : 50);
  }

  private static ObjectNode asking(AgentEntry agent, String action) throws IOException {
    ObjectNode question =
        (ObjectNode)
            ShippedFiles.JSON.readTree(
                Files.readString(ShippedFiles.DEPLOY.resolve("policies/question.json")));
    question.put("action", action).put("tool", "");
    question
        .withObject("/agent")
        .put("id", agent.id().toString())
        .put("name", agent.name())
        .put("owner", agent.owner())
        .put("tier", agent.tier().name().toLowerCase(java.util.Locale.ROOT).replace('_', '-'));
    question
        .withObject("/task")
        .put("lifetime_ms", Math.min(300_000, agent.maxLifetime().toMillis()));
    return question;
  }

  @Test
  void aClientOfTheToolServerAsksForWhatItsAgentMayHave() throws IOException {
    Catalogue catalogue = catalogue("mcp-postgres");
    BrokerConfig config =
        ShippedFiles.read(Files.readString(TOOLS.resolve("exeat.yaml")), Map.of());
    AgentEntry agent = named(catalogue.agents(), "support");
    JsonNode server = ShippedFiles.all(TOOLS.resolve("mcp.json")).at("/0/mcpServers");
    List<String> words = new ArrayList<>();
    server.at("/orders/args").forEach(it -> words.add(it.asText()));

    assertThat(server.size()).isEqualTo(1);
    assertThat(words.getFirst()).isEqualTo("mcp");
    assertThat(catalogue.upstreams()).containsOnlyKeys(words.get(1));
    assertThat(agent.intents()).contains(after(words, "--intent"));
    assertThat(agent.grants()).contains(after(words, "--scope"));
    assertThat(named(catalogue.upstreams(), words.get(1)).grant())
        .isEqualTo(after(words, "--scope"));
    assertThat(named(catalogue.intents(), after(words, "--intent")).parameters())
        .containsOnlyKeys(after(words, "-p").replaceFirst("=.*", ""));
    assertThat(config.mcp()).isPresent();
    assertThat(config.attestation().local())
        .get()
        .isInstanceOfSatisfying(
            AttestConfig.BrokerApi.class, it -> assertThat(it.agents().test(agent.id())).isTrue());
  }

  private static <T> T named(Map<String, T> all, String name) {
    return Objects.requireNonNull(all.get(name), name);
  }

  private static String after(List<String> words, String option) {
    return words.get(words.indexOf(option) + 1);
  }

  /** Its pods, as the injector makes them, are the agents of its catalogue. */
  @Test
  void thePodsAreTheAgentsOfTheCatalogueAndTheirSidecarsTakeTheConfiguration() throws IOException {
    JsonNode values = values();
    List<String> agents = new ArrayList<>();
    for (JsonNode each : ShippedFiles.all(AGENTS.resolve("agents.yaml"))) {
      JsonNode template = each.at("/spec/template");
      if (!template.isMissingNode()) {
        Map<String, String> environment =
            ShippedFiles.sidecar(ShippedFiles.manifests("all-in-one"), template);
        agents.add(environment.get("EXEAT_ATTESTATION_AGENT"));
        BrokerConfig config = ShippedFiles.read(values.get("config").toString(), environment);
        assertThat(config.form())
            .isInstanceOfSatisfying(
                BrokerConfig.AllInOne.class,
                it -> {
                  // One authority signs for both, and it is no public one.
                  assertThat(it.vault().ca()).hasValue(Path.of("/etc/exeat/authority.pem"));
                  assertThat(it.targetsCa()).isEqualTo(it.vault().ca());
                });
      }
    }

    assertThat(agents)
        .hasSize(2)
        .containsExactlyInAnyOrderElementsOf(
            catalogue("planner-and-worker").agents().values().stream()
                .map(it -> it.id().toString())
                .toList());
  }

  /** Else no pod gets an identity, and nothing says why. */
  @Test
  void spireIsOfTheTrustDomainAndTakesTheEntriesOfTheChart() throws IOException {
    JsonNode values = values();
    JsonNode spire = ShippedFiles.all(AGENTS.resolve("spire.values.yaml")).get(0);
    JsonNode manager = spire.at("/spire-server/controllerManager");
    String trustDomain = values.get("trustDomain").asText();

    assertThat(spire.at("/global/spire/trustDomain").asText()).isEqualTo(trustDomain);
    assertThat(catalogue("planner-and-worker").agents().values())
        .allMatch(it -> it.id().getTrustDomain().getName().equals(trustDomain));
    assertThat(manager.path("className").asText())
        .isNotEmpty()
        .isEqualTo(values.at("/spire/className").asText());
    assertThat(manager.at("/identities/clusterSPIFFEIDs/default/enabled"))
        .isEqualTo(ShippedFiles.JSON.getNodeFactory().booleanNode(false));
    for (String part : List.of("spiffe-csi-driver", "spiffe-oidc-discovery-provider")) {
      assertThat(spire.path(part).path("enabled").asBoolean()).as(part).isTrue();
    }
    assertThat(spire.at("/spire-agent/workloadAttestors/k8s/enabled").asBoolean()).isTrue();
  }

  /** Services, certificates and NetworkPolicies name them as catalogue and configuration do. */
  @Test
  void whatSidecarsCallIsThereHasACertificateAndIsLetThrough() throws IOException {
    Map<String, Integer> called = new HashMap<>();
    URI vault = URI.create(values().at("/config/vault/address").asText());
    called.put(vault.getHost(), vault.getPort());
    for (Target target : catalogue("planner-and-worker").targets().values()) {
      called.put(target.host(), ((Target.Postgres) target).port());
    }
    List<JsonNode> there = new ArrayList<>();
    for (String file : List.of("openbao", "postgres", "certificates")) {
      ShippedFiles.all(AGENTS.resolve(file + ".yaml")).forEach(there::add);
    }

    assertThat(called).hasSize(2);
    called.forEach((host, port) -> {
      String name = host.split("\\.", -1)[0];
      String namespace = host.split("\\.", -1)[1];
      assertThat(there)
          .as("a Service %s", host)
          .anyMatch(it ->
              is(it, "Service", namespace)
                  && it.at("/metadata/name").asText().equals(name)
                  && it.at("/spec/ports/0/port").asInt() == port);
      assertThat(there)
          .as("a certificate for %s", host)
          .anyMatch(it -> is(it, "Certificate", namespace) && names(it).contains(host));
      assertThat(values().at("/networkPolicy/egress"))
          .as("a way to %s", host)
          .anyMatch(it ->
              it.at("/to/0/namespaceSelector/matchLabels/kubernetes.io~1metadata.name")
                      .asText()
                      .equals(namespace)
                  && it.at("/ports/0/port").asInt() == port);
    });
  }

  private static boolean is(JsonNode document, String kind, String namespace) {
    return document.path("kind").asText().equals(kind)
        && document.at("/metadata/namespace").asText().equals(namespace);
  }

  private static List<String> names(JsonNode certificate) {
    List<String> names = new ArrayList<>();
    certificate.at("/spec/dnsNames").forEach(it -> names.add(it.asText()));
    return names;
  }

  private static JsonNode values() {
    try {
      return ShippedFiles.all(AGENTS.resolve("values.yaml")).get(0);
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }

  private Catalogue catalogue(String example) throws IOException {
    return CatalogueFile.read(
        example.equals("mcp-postgres")
            ? TOOLS.resolve("catalogue.yaml")
            : Files.writeString(folder.resolve("c.yaml"), values().get("catalogue").toString()));
  }
}
