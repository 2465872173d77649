package io.exeat.it.environment;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.exeat.identity.development.Entry;
import io.exeat.it.Needs;
import io.spiffe.spiffeid.SpiffeId;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.snakeyaml.engine.v2.api.Load;
import org.snakeyaml.engine.v2.api.LoadSettings;

/**
 * {@code deploy/examples/planner-and-worker} without its cluster: its catalogue between the stage's
 * OpenBao and a Postgres of its own, with its tables and over TLS, and what its pods run, as users
 * of their own. Nothing of it is said again here but addresses and folders.
 */
public final class PlannerAndWorker implements AutoCloseable {
  public static final String TARGET = "support-db";

  private static final Path EXAMPLE = Packaged.root().resolve("deploy/examples/planner-and-worker");
  private static final ObjectMapper JSON = new ObjectMapper();

  private final Stage stage = Stage.get();
  private final Path folder = stage.newFolder("example");
  private final Map<String, ExampleAgent> agents = new TreeMap<>();
  private final List<Entry> entries = new ArrayList<>();
  private final String database;
  private final Path authority;
  private final Postgres postgres;
  private final Deployment deployment;

  private PlannerAndWorker() throws IOException {
    TestCertificate certificate = TestCertificate.create(folder);
    this.authority = certificate.certificate();
    this.postgres =
        stage.closing(
            Postgres.offeringTls(Needs.part("postgres", Binaries.postgres()), certificate));
    ObjectNode catalogue = (ObjectNode) read("values.yaml").getFirst().get("catalogue");
    ObjectNode target = catalogue.withObject("/targets/" + TARGET + "/postgres");
    this.database = target.path("database").asText();
    target.put("host", "127.0.0.1").put("port", postgres.port());
    Path file = Files.writeString(folder.resolve("catalogue.yaml"), catalogue.toString());
    prepare(file);

    Stage.Place place = stage.development("example", Duration.ofMinutes(2));
    stage.setUp(
        place,
        file,
        Processes.join(
            List.of(
                "--jwt-key",
                stage.authority().jwtPem().toString(),
                "--target-ca",
                TARGET + "=" + authority),
            stage.admin(TARGET)));
    this.deployment =
        Deployment.start(
            Deployment.Plan.of(Deployment.Form.ALL_IN_ONE, place)
                .withCatalogue(file)
                .withVariables(
                    "EXEAT_ATTESTATION_AGENTS=spiffe://example.org/ns/agents/sa/*/agent/*",
                    "EXEAT_TARGETS_CA=" + authority));
    for (JsonNode each : read("agents.yaml")) {
      JsonNode pod = each.at("/spec/template/spec");
      if (!pod.isMissingNode()) {
        String name = each.at("/spec/template/metadata/labels/exeat.io~1agent").asText();
        agents.put(name, agent(pod.at("/containers/0")));
        enrol(catalogue.at("/agents/" + name + "/spiffe-id").asText(), agents.get(name).uid());
      }
    }
  }

  /** Skips the test where a part is missing, or where no user can be given to each agent. */
  public static PlannerAndWorker start() {
    assumeTrue(OtherUser.isRoot(), "only root gives each agent a user of its own");
    try {
      return new PlannerAndWorker();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private void prepare(Path catalogue) throws IOException {
    postgres.execute("postgres", "CREATE DATABASE " + database);
    for (JsonNode each : read("postgres.yaml")) {
      if (each.at("/data/schema.sql").isTextual()) {
        postgres.execute(database, each.at("/data/schema.sql").asText());
      }
    }
    Stage.prepare(postgres, database, Stage.preparation());
    Stage.admit(postgres, database, catalogue, TARGET);
  }

  private void enrol(String id, int uid) {
    Entry entry = Entry.ofUid(SpiffeId.parse(id), uid);
    stage.authority().add(entry);
    entries.add(entry);
  }

  /** What the image holds, the kubelet and the injector make of a container, on this machine. */
  private ExampleAgent agent(JsonNode container) throws IOException {
    int uid = container.at("/securityContext/runAsUser").asInt();
    Path python =
        Needs.part(
            "python",
            AgentPython.make(
                stage.newFolder("python"), EXAMPLE.resolve("agents/requirements.txt"), uid));
    Path exeat = Files.writeString(python.resolve("exeat"), launcher());
    Files.setPosixFilePermissions(exeat, PosixFilePermissions.fromString("rwxr-xr-x"));
    Map<String, String> environment = new TreeMap<>();
    for (JsonNode each : container.path("env")) {
      environment.put(each.path("name").asText(), here(each.path("value").asText()));
    }
    List<String> command = new ArrayList<>();
    for (JsonNode word : container.path("command")) {
      String expanded = word.asText();
      for (Map.Entry<String, String> each : environment.entrySet()) {
        expanded = expanded.replace("$(" + each.getKey() + ")", each.getValue());
      }
      command.add(here(expanded));
    }
    environment.put("PATH", python + ":/usr/bin:/bin");
    environment.put("EXEAT_SOCKET", deployment.socket().toString());
    environment.put("EXEAT_FILES", files(uid).toString());
    return new ExampleAgent(uid, command, environment);
  }

  private String here(String path) {
    return path.replaceFirst("^/agents/", EXAMPLE.resolve("agents") + "/")
        .replaceFirst("^/etc/postgres/authority\\.pem$", authority.toString());
  }

  /** As the image's, with more patience for a busy machine. */
  private static String launcher() {
    return """
    #!/bin/sh
    if [ "$1" = exec ]; then
      shift
      set -- exec --timeout 2m "$@"
    fi
    exec %s "$@"
    """
        .formatted(String.join(" ", Packaged.brief()));
  }

  private Path files(int uid) throws IOException {
    Path memory = Files.createTempDirectory(Path.of("/dev/shm"), "exeat-example-");
    Files.setAttribute(memory, "unix:uid", uid);
    stage.closing(() -> Processes.delete(memory));
    return memory;
  }

  /** The documents of a file of the example's. */
  private static List<JsonNode> read(String file) throws IOException {
    List<JsonNode> all = new ArrayList<>();
    String text = Files.readString(EXAMPLE.resolve(file));
    for (Object each : new Load(LoadSettings.builder().build()).loadAllFromString(text)) {
      all.add(JSON.valueToTree(each));
    }
    return all;
  }

  /** The agent of a pod that has this label. */
  public ExampleAgent agent(String name) {
    return Optional.ofNullable(agents.get(name)).orElseThrow();
  }

  public Postgres postgres() {
    return postgres;
  }

  public String database() {
    return database;
  }

  /** One that has not vouched for its Postgres. */
  public Path otherAuthority() {
    return TestCertificate.create(stage.newFolder("other")).certificate();
  }

  public Outside outside() {
    return new Outside(stage, postgres, database);
  }

  /** The audit chain's records of a task, in their order. */
  public List<JsonNode> audit(String task) {
    try (Stream<Path> files = Files.list(deployment.broker().audit())) {
      List<JsonNode> records = new ArrayList<>();
      for (Path file : files.filter(it -> it.toString().endsWith(".jsonl")).sorted().toList()) {
        for (String line : Files.readAllLines(file)) {
          JsonNode record = JSON.readTree(line);
          if (record.path("task").asText().equals(task)) {
            records.add(record);
          }
        }
      }
      return records;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The broker's own end, and Vault as it was. */
  @Override
  public void close() {
    var _ = deployment.broker().terminate();
    deployment.close();
    entries.forEach(stage.authority()::remove);
    // Some of its grants have the names of others' there.
    stage.apply(stage.catalogue());
  }
}
