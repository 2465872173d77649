package io.exeat.it.kube;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.exeat.it.environment.AgentProcess;
import io.exeat.it.environment.BrokerProcess;
import io.exeat.it.environment.Cgroup;
import io.exeat.it.environment.Client;
import io.exeat.it.environment.ClusterNode;
import io.exeat.it.environment.ClusterStage;
import io.exeat.it.environment.Helm;
import io.exeat.it.environment.Manifests;
import io.exeat.it.environment.Outside;
import io.exeat.it.environment.Packaged;
import io.exeat.it.environment.PodProcesses;
import io.exeat.it.environment.Stage;
import io.exeat.v1.DatabaseLogin;
import io.exeat.v1.ListRequest;
import io.exeat.v1.Task;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.NullMarked;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Pods by the identities that ship: a real controller manager registers them, and a real k8s
 * attestor finds out who they are by their cgroups and what a kubelet's stand-in tells it. Their
 * containers are processes of this machine.
 */
@NullMarked
final class ThePodsOfANodeAreAttestedIT {
  private static final ObjectMapper JSON = new ObjectMapper();

  /** The controller looks every 10 s at the latest, the server's cache and the agent every 5 s. */
  private static final Duration PATIENCE = Duration.ofMinutes(2);

  private static final String SIDECAR = "spiffe://example.org/ns/agents/sa/clerk/broker/clerk";
  private static final String EXAMPLE = "deploy/examples/planner-and-worker/";
  private static final String NODE_OF_H1 = "spiffe://example.org/node/h1";
  private static final int UID = 10001;

  @TempDir private static Path folder;
  private static ClusterNode cluster;
  private static ClusterStage stage;

  private final Outside outside = new Outside(Stage.get());

  @BeforeAll
  static void start() throws Exception {
    // Pods' users come through here to SPIRE's sockets.
    Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwx--x--x"));
    cluster = ClusterNode.start(folder);
    stage = new ClusterStage(Stage.get(), cluster);
    identities("deploy/kubernetes/node.yaml");
    // It has these too: the latter are in force.
    identities("spire-config/kubernetes/clusterspiffeids.yaml");
    cluster.control("");
  }

  @AfterAll
  static void stop() {
    if (cluster != null) {
      cluster.close();
    }
  }

  private static void identities(String file) {
    List<String> all =
        Manifests.all(ClusterNode.shipped(file)).stream()
            .filter(it -> it.contains("\nkind: ClusterSPIFFEID\n"))
            .toList();
    assertThat(all).isNotEmpty();
    all.forEach(cluster::apply);
  }

  /** A pod's entries: SPIFFE ID, hint and selectors; none of anybody else's. */
  private static List<String> entries(JsonNode pod) {
    try {
      String uid = "pod-uid:" + pod.at("/metadata/uid").asText();
      List<String> all = new ArrayList<>();
      for (JsonNode each :
          JSON.readTree(cluster.spire().server("entry", "show", "-output", "json"))
              .path("entries")) {
        List<String> selectors = each.path("selectors").findValuesAsText("value");
        if (selectors.contains(uid)) {
          all.add(
              "%s (%s) %s"
                  .formatted(
                      each.at("/spiffe_id/path").asText(),
                      each.path("hint").asText(),
                      selectors.stream().filter(it -> !it.equals(uid)).sorted().toList()));
        }
      }
      return all.stream().sorted().toList();
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  private static void awaitEntries(JsonNode pod, int number) {
    await().atMost(PATIENCE).untilAsserted(() -> assertThat(entries(pod)).hasSize(number));
  }

  private static void awaitGiven(Cgroup container, String... all) {
    await()
        .atMost(PATIENCE)
        .pollInSameThread()
        .untilAsserted(() -> assertThat(cluster.spire().given(container)).containsExactly(all));
  }

  @Test
  void aSidecarLendsItsPodsAgentUntilThePodIsDeleted() throws Exception {
    JsonNode pod = cluster.agentsPod("agents", "clerk", UID);
    PodProcesses processes = new PodProcesses(pod, cluster.kubelet().run(pod));

    await()
        .atMost(PATIENCE)
        .untilAsserted(() ->
            assertThat(entries(pod))
                .containsExactly(
                    "/ns/agents/sa/clerk/agent/clerk (agent) [ns:agents, sa:clerk]",
                    "/ns/agents/sa/clerk/broker/clerk (broker)"
                        + " [container-name:exeat, ns:agents, sa:clerk]"));
    awaitGiven(
        processes.container("exeat"), ClusterStage.CLERK + " (agent)", SIDECAR + " (broker)");
    // The agent's container mounts no socket of SPIRE's; if it had one:
    awaitGiven(processes.container("main"), ClusterStage.CLERK + " (agent)");

    Path own = stage.newFolder();
    try (BrokerProcess sidecar =
            processes.sidecar(own, cluster.spire().workloadFolder(), stage.sidecar(pod, own));
        AgentProcess agent = processes.agent("main", sidecar.agentSocket())) {
      String first = agent.may("open " + Stage.READ).getFirst();
      DatabaseLogin lent = agent.lent(first, Stage.READ);
      assertThat(outside.login(lent)).isEmpty();
      assertThat(agent.does("complete " + first)).isEqualTo("ok TASK_STATE_ENDED");
      assertThat(outside.login(lent)).startsWith("28");
      outside.requireDead(first);

      String task = agent.may("open " + Stage.READ).getFirst();
      DatabaseLogin login = agent.lent(task, Stage.READ);
      long deleted = System.nanoTime();
      cluster.delete(pod);
      Duration dead = outside.awaitDead(task, deleted, PATIENCE);
      System.out.printf("figure: pod deleted to dead: %d ms%n", dead.toMillis());
      assertThat(outside.login(login)).startsWith("28");
      assertThat(entries(pod)).isEmpty();
      assertThat(agent.does("open " + Stage.READ)).startsWith("refused UNAUTHENTICATED UNATTESTED");
      assertThat(sidecar.log())
          .contains("Process 0 (uid " + UID + ") is no longer vouched for")
          .contains("Nobody is the agent: ");
    }
  }

  /** The label alone registers nobody in a namespace that is not labelled, nor does the node. */
  @Test
  void aPodThatIsNotRegisteredGetsNothing() {
    JsonNode pod = cluster.agentsPod("spire", "clerk", UID);
    assertThat(pod.at("/spec/initContainers").size()).isZero();
    JsonNode registered = cluster.agentsPod("hosted", "beside", UID);
    Cgroup beside =
        new PodProcesses(registered, cluster.kubelet().run(registered)).container("main");
    Cgroup container = new PodProcesses(pod, cluster.kubelet().run(pod)).container("main");

    awaitGiven(beside, "spiffe://example.org/ns/hosted/sa/beside/agent/beside (agent)");

    assertThat(entries(pod)).isEmpty();
    assertThat(cluster.spire().given(container)).isEmpty();
  }

  @Test
  void aNodesBrokerKnowsEachPodsAgentByItsProcess() throws Exception {
    JsonNode brokers = cluster.daemon("exeat", "exeat-node");
    PodProcesses broker = new PodProcesses(brokers, cluster.kubelet().run(brokers));
    PodProcesses reader = hosted("hosted", "reader");
    PodProcesses hasty = hosted("hosted", "hasty");
    PodProcesses nobody = hosted("spire", "nobody");
    PodProcesses unbound = hosted("unbound", "foreign");
    awaitGiven(
        broker.container("broker"),
        "spiffe://example.org/ns/exeat/sa/exeat-node/broker/node (broker)");
    awaitGiven(reader.container("main"), ClusterStage.READER + " (agent)");
    awaitGiven(hasty.container("main"), ClusterStage.HASTY + " (agent)");
    awaitGiven(
        unbound.container("main"),
        "spiffe://example.org/ns/unbound/sa/foreign/agent/foreign (agent)");

    Path own = stage.newFolder();
    try (BrokerProcess serving = broker.nodeBroker(own, stage.node(own));
        AgentProcess first = reader.agent("main", serving.agentSocket());
        AgentProcess second = hasty.agent("main", serving.agentSocket());
        AgentProcess third = nobody.agent("main", serving.agentSocket());
        AgentProcess fourth = unbound.agent("main", serving.agentSocket())) {
      String task = first.may("open " + Stage.READ).getFirst();
      String other = second.may("open " + Stage.READ).getFirst();
      DatabaseLogin login = first.lent(task, Stage.READ);
      assertThat(outside.login(login)).isEmpty();
      assertThat(agents(serving))
          .containsExactlyInAnyOrder(ClusterStage.READER, ClusterStage.HASTY);
      assertThat(second.does("get " + task)).startsWith("refused NOT_FOUND");
      assertThat(first.does("get " + other)).startsWith("refused NOT_FOUND");
      assertThat(third.does("open " + Stage.READ)).startsWith("refused UNAUTHENTICATED UNATTESTED");
      // SPIRE knows it, and the API server does not let this broker have its identity.
      assertThat(fourth.does("open " + Stage.READ))
          .startsWith("refused UNAUTHENTICATED UNATTESTED")
          .contains("impersonate-via-spire");

      assertThat(second.does("complete " + other)).isEqualTo("ok TASK_STATE_ENDED");
      assertThat(first.does("complete " + task)).isEqualTo("ok TASK_STATE_ENDED");
      assertThat(outside.login(login)).startsWith("28");
      outside.requireDead(task);
    }
  }

  /** Whose tasks the broker has. */
  private static List<String> agents(BrokerProcess broker) {
    try (Client operator = new Client(broker.adminSocket())) {
      return operator.admin().list(ListRequest.getDefaultInstance()).getTasksList().stream()
          .map(Task::getAgent)
          .toList();
    }
  }

  private PodProcesses hosted(String namespace, String name) {
    JsonNode pod = cluster.hostedPod(namespace, name, UID);
    return new PodProcesses(pod, cluster.kubelet().run(pod));
  }

  /** A controller that wants a class, as SPIRE's own chart has it, takes nothing without one. */
  @Test
  void theExamplesIdentitiesAreOfItsControllersClass() throws Exception {
    Matcher className =
        Pattern.compile("(?m)^    className: (\\w+)$")
            .matcher(ClusterNode.shipped(EXAMPLE + "spire.values.yaml"));
    assertThat(className.find()).isTrue();
    JsonNode pod = cluster.agentsPod("agents", "worker", UID);
    try {
      awaitEntries(pod, 2);
      cluster.control(className.group(1));
      awaitEntries(pod, 0);
      Manifests.all(
              Helm.in(folder)
                  .template(
                      "--values",
                      Packaged.root().resolve(EXAMPLE + "values.yaml").toString(),
                      "-s",
                      "templates/spiffeids.yaml"))
          .forEach(cluster::apply);
      awaitEntries(pod, 2);
    } finally {
      identities("spire-config/kubernetes/clusterspiffeids.yaml");
      cluster.control("");
    }
  }

  /** Those of hosts that are no nodes; one of them wants the bundle of another trust domain. */
  @Test
  void theHostsEntriesAreMadeToo() throws Exception {
    for (String file : List.of("clusterfederatedtrustdomains.yaml", "clusterstaticentries.yaml")) {
      Manifests.all(ClusterNode.shipped("spire-config/kubernetes/" + file)).forEach(cluster::apply);
    }
    await()
        .atMost(PATIENCE)
        .untilAsserted(() ->
            assertThat(cluster.spire().server("federation", "list"))
                .contains("partner.example", "https://spire.partner.example:8443", "https_spiffe")
                .contains("spiffe://partner.example/spire/server"));
    // As one brings it: whose keys it has makes no difference here.
    Path bundle =
        Files.writeString(
            folder.resolve("partner.bundle"),
            cluster.spire().server("bundle", "show", "-format", "spiffe"));
    var _ =
        cluster
            .spire()
            .server(
                "bundle",
                "set",
                "-id",
                "spiffe://partner.example",
                "-format",
                "spiffe",
                "-path",
                bundle.toString());
    await()
        .atMost(PATIENCE)
        .untilAsserted(() ->
            assertThat(cluster.spire().server("entry", "show", "-parentID", NODE_OF_H1))
                .contains("Found 3 entries", "FederatesWith", "partner.example")
                .contains("spiffe://example.org/host/h1/broker\n")
                .contains("spiffe://example.org/host/h1/agent/summarizer\n")
                .contains("spiffe://example.org/host/h1/oidc-discovery-provider\n"));
  }
}
