package io.exeat.it.environment;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.stream.StreamSupport;

/** What brokers of a {@link ClusterNode} lend: a {@link Stage}'s, to agents that are pods. */
public final class ClusterStage {
  /** May do what {@link Stage#AGENT} may. */
  public static final String CLERK = "spiffe://example.org/ns/agents/sa/clerk/agent/clerk";

  /** May do what {@link Stage#OTHER} may. */
  public static final String READER = "spiffe://example.org/ns/hosted/sa/reader/agent/reader";

  /** May do what {@link Stage#HASTY} may. */
  public static final String HASTY = "spiffe://example.org/ns/hosted/sa/hasty/agent/hasty";

  private final Stage stage;
  private final ClusterNode cluster;

  public ClusterStage(Stage stage, ClusterNode cluster) {
    this.stage = stage;
    this.cluster = cluster;
  }

  /** A new folder for a broker. */
  public Path newFolder() {
    return stage.newFolder("p");
  }

  /** What the sidecar's ConfigMap says beside its environment. Vault knows it then. */
  public String sidecar(JsonNode pod, Path folder) {
    String id =
        StreamSupport.stream(pod.at("/spec/initContainers/0/env").spliterator(), false)
            .filter(it -> it.path("name").asText().equals("EXEAT_SPIFFE_ID"))
            .map(it -> it.path("value").asText())
            .findFirst()
            .orElseThrow();
    String who =
        """
        spiffe: {id: "%s", workload-api: %s}
        attestation: {mode: workload-api, agent: "%s", uid: 1}
        socket: {path: %4$s/run/agent.sock}
        admin: {path: %4$s/run/admin.sock}
        """
            .formatted(id, cluster.spire().workloadSocket(), CLERK, folder);
    return applied("exeat-pod", who, folder);
  }

  /** The shipped configuration of a node's broker, with other places. Vault knows it then. */
  public String node(Path folder) {
    String shipped =
        cluster
            .api()
            .get("/api/v1/namespaces/exeat/configmaps/exeat-node")
            .body()
            .at("/data/exeat.yaml")
            .asText();
    String run = folder.resolve("run").toString();
    String who =
        shipped
            .substring(0, shipped.indexOf("vault:"))
            .replace("/run/spire/agent/", cluster.spire().workloadSocket().getParent() + "/")
            .replace("/run/spire/broker/", cluster.spire().brokerSocket().getParent() + "/")
            .replace("/run/exeat/node/", run + "/")
            .replace("/run/exeat/admin/", run + "/")
            // As the image's /etc/group has it.
            .replace("exeat-agents", "64002");
    return who + applied("exeat-node", who, folder);
  }

  private String applied(String role, String who, Path folder) {
    Stage.Place place =
        new Stage.Place(
            "workload-api",
            cluster.spire().workloadSocket(),
            cluster.spire().workloadSocket(),
            "cluster",
            role,
            Duration.ofMinutes(2));
    Path authority = folder.resolve("vault.pem");
    String rest =
        Yaml.inACluster(stage, place, folder)
            .replace(stage.vault().ca().toString(), authority.toString());
    try {
      Files.copy(stage.vault().ca(), authority);
      Files.writeString(folder.resolve("catalogue.yaml"), catalogue());
      Path keys = Files.writeString(folder.resolve("keys.pem"), cluster.spire().jwtKeys());
      stage.setUp(
          who + rest,
          Processes.join(List.of("--jwt-key", keys.toString()), stage.admin("orders-db")));
      return rest;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Its agents have names of their own: the stage's, in the same Vault, keep their IDs. */
  private String catalogue() throws IOException {
    return Files.readString(stage.catalogue())
        .replaceAll("(?m)^  (clerk|reader|hasty):$", "  $1-in-a-pod:")
        .replace(Stage.AGENT.toString(), CLERK)
        .replace(Stage.OTHER.toString(), READER)
        .replace(Stage.HASTY.toString(), HASTY);
  }
}
