package io.exeat.app;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.exeat.attest.AttestConfig;
import io.exeat.config.Units;
import io.exeat.policy.Decision;
import io.exeat.policy.PolicyEngines;
import io.exeat.policy.QuestionJson;
import io.exeat.policy.cedar.CedarEngine;
import io.exeat.task.AgentEntry;
import io.exeat.task.Catalogue;
import io.exeat.task.CatalogueFile;
import io.exeat.task.Grant;
import io.exeat.task.Intent;
import io.exeat.task.Target;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
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

  /**
   * What a pod runs is in its image, as the user whom the image is for, and its agent may do it.
   */
  @Test
  void eachPodRunsItsImagesProgramUnderATaskThatItsAgentMayHave() throws IOException {
    Catalogue catalogue = catalogue("planner-and-worker");
    String dockerfile = Files.readString(AGENTS.resolve("agents/Dockerfile"));
    String readme = Files.readString(AGENTS.resolve("README.md"));
    for (Map.Entry<String, JsonNode> each : pods().entrySet()) {
      AgentEntry agent = named(catalogue.agents(), each.getKey());
      JsonNode container = each.getValue().at("/containers/0");
      String stage = stage(dockerfile, agent.name());
      String uid = container.at("/securityContext/runAsUser").asText();
      List<String> words = new ArrayList<>();
      container.path("command").forEach(it -> words.add(it.asText()));
      List<String> exec = words.subList(words.indexOf("exeat"), words.indexOf("--"));

      assertThat(container.path("name").asText()).isEqualTo(agent.name());
      assertThat(stage).contains("USER " + uid + ":" + uid + "\n");
      assertThat(container.at("/securityContext/readOnlyRootFilesystem").asBoolean()).isTrue();
      assertThat(readme)
          .contains(
              "docker build --target %s -t %s agents\n"
                  .formatted(agent.name(), container.path("image").asText()));
      assertThat(words.stream().filter(it -> it.startsWith("/agents/")))
          .contains("/agents/" + agent.name() + ".py")
          .allSatisfy(it -> {
            String file = it.substring("/agents/".length());
            assertThat(AGENTS.resolve("agents/" + file)).isRegularFile();
            assertThat(stage).containsPattern("COPY .*\\b" + file + ".* \\./\n");
          });
      // The program that the image has without Exeat, too.
      assertThat(words.subList(words.indexOf("--") + 1, words.indexOf("--") + 3))
          .containsExactly("python3", "/agents/" + agent.name() + ".py");
      assertThat(stage).contains("CMD [\"python3\", \"/agents/" + agent.name() + ".py\"");

      assertThat(exec.subList(0, 2)).containsExactly("exeat", "exec");
      assertThat(agent.intents()).containsExactly(after(exec, "--intent"));
      assertThat(agent.grants()).containsExactly(after(exec, "--grant"));
      String[] parameter = expanded(after(exec, "-p"), container).split("=", -1);
      Intent intent = named(catalogue.intents(), after(exec, "--intent"));
      assertThat(intent.parameters()).containsOnlyKeys(parameter[0]);
      assertThat(parameter[1]).matches(named(intent.parameters(), parameter[0]));
      // The program is told of what the task is for.
      assertThat(expanded(words.getLast(), container)).isEqualTo(parameter[1]);
      Duration asked = Units.duration(after(exec, "--for")).orElseThrow();
      assertThat(asked).isLessThanOrEqualTo(agent.maxLifetime());
    }
  }

  /** As the kubelet does it. */
  private static String expanded(String word, JsonNode container) {
    String text = word;
    for (JsonNode each : container.path("env")) {
      text = text.replace("$(" + each.path("name").asText() + ")", each.path("value").asText());
    }
    return text;
  }

  private static String stage(String dockerfile, String name) {
    String from = "\nFROM agent AS " + name + "\n";
    assertThat(dockerfile).contains(from);
    String rest = dockerfile.substring(dockerfile.indexOf(from) + from.length());
    return rest.contains("\nFROM ") ? rest.substring(0, rest.indexOf("\nFROM ") + 1) : rest;
  }

  /** libpq believes whom the sidecar believes: its ConfigMap has the authority. */
  @Test
  void agentsBelieveThePostgresThatTheirSidecarsBelieve() throws IOException {
    String ca = values().at("/config/targets/ca").asText();
    for (JsonNode pod : pods().values()) {
      Map<String, String> environment = new HashMap<>();
      for (JsonNode each : pod.at("/containers/0/env")) {
        environment.put(each.path("name").asText(), each.path("value").asText());
      }
      JsonNode volume = pod.at("/volumes/0");
      JsonNode mount = pod.at("/containers/0/volumeMounts/0");
      String file = volume.at("/configMap/items/0/path").asText();

      assertThat(environment).containsEntry("PGSSLMODE", "verify-full");
      assertThat(mount.path("name")).isEqualTo(volume.path("name"));
      assertThat(environment)
          .containsEntry("PGSSLROOTCERT", mount.path("mountPath").asText() + "/" + file);
      assertThat(volume.at("/configMap/name").asText()).isEqualTo("exeat");
      assertThat("/etc/exeat/" + volume.at("/configMap/items/0/key").asText()).isEqualTo(ca);
    }
  }

  /** By the name that each is an agent by. */
  private static Map<String, JsonNode> pods() throws IOException {
    Map<String, JsonNode> pods = new HashMap<>();
    for (JsonNode each : ShippedFiles.all(AGENTS.resolve("agents.yaml"))) {
      JsonNode template = each.at("/spec/template");
      if (!template.isMissingNode()) {
        pods.put(template.at("/metadata/labels/exeat.io~1agent").asText(), template.path("spec"));
      }
    }
    assertThat(pods).containsOnlyKeys("planner", "worker");
    return pods;
  }

  /** And Exeat in it is of the image that the chart has the sidecar from. */
  @Test
  void whatTheImagesTakeFromElsewhereIsPinned() throws IOException {
    String dockerfile = Files.readString(AGENTS.resolve("agents/Dockerfile"));
    String requirements = Files.readString(AGENTS.resolve("agents/requirements.txt"));

    assertThat(dockerfile)
        .containsPattern("\nARG PYTHON=\\S+:3\\.[0-9]+-slim-\\w+\n")
        .containsPattern(" -m pip install .*--require-hashes --only-binary :all: ");
    assertThat(requirements.replace("\\\n", "").lines().filter(it -> !it.startsWith("#")))
        .isNotEmpty()
        .allMatch(
            it -> it.matches("[a-z_-]+==[0-9.]+ (; [^-]*)?( +--hash=sha256:[0-9a-f]{64})+ *"));
    JsonNode chart = ShippedFiles.all(ShippedFiles.DEPLOY.resolve("helm/exeat/Chart.yaml")).get(0);
    String image =
        values().at("/image/repository").asText() + ":" + chart.get("appVersion").asText();
    assertThat(dockerfile).contains("\nARG EXEAT=" + image + "\n");
    assertThat(Files.readString(AGENTS.resolve("README.md")))
        .contains("docker build -f deploy/Dockerfile -t " + image + " .)\n");
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
