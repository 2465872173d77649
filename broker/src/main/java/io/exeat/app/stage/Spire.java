package io.exeat.app.stage;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.nimbusds.jose.JOSEException;
import com.nimbusds.jose.jwk.JWK;
import com.nimbusds.jose.jwk.JWKSet;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.text.ParseException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** A real SPIRE server and agent, with the Broker API, on the loopback interface. */
public final class Spire implements AutoCloseable {
  private static final String NODE = "spiffe://%s/node/stage";

  private final Parts programs;
  private final Path folder;
  private final String trustDomain;
  private final Running server;
  private Running agent;

  /** The two programs. */
  public record Parts(Path server, Path agent) {}

  /**
   * A registration entry.
   *
   * @param selectors such as {@code unix:uid:1001}
   */
  public record Registration(String id, List<String> selectors, Duration x509Life, String hint) {}

  private Spire(Parts programs, Path folder, String trustDomain, Running server, Running agent) {
    this.programs = programs;
    this.folder = folder;
    this.trustDomain = trustDomain;
    this.server = server;
    this.agent = agent;
  }

  /** EXEAT_SPIRE_BIN or the PATH has both programs, or none counts. */
  public static Optional<Parts> programs() {
    Optional<Path> server = Programs.find("EXEAT_SPIRE_BIN", "spire-server");
    Optional<Path> agent = Programs.find("EXEAT_SPIRE_BIN", "spire-agent");
    return server.isPresent() && agent.isPresent()
        ? Optional.of(new Parts(server.get(), agent.get()))
        : Optional.empty();
  }

  /**
   * Starts both in {@code folder}; the entries are known to the agent when this returns.
   *
   * @param broker whom the Broker API serves
   */
  public static Spire start(
      Parts programs, Path folder, String trustDomain, String broker, List<Registration> entries) {
    Folders.make(folder, "run", "rwxr-xr-x");
    Folders.make(folder, "data", "rwx------");
    int serverPort = Folders.freePort();
    Folders.write(
        folder.resolve("server.conf"), "rw-------", serverConf(folder, trustDomain, serverPort));
    Folders.write(
        folder.resolve("agent.conf"),
        "rw-------",
        agentConf(folder, trustDomain, serverPort, broker));
    Path api = folder.resolve("run/server.sock");
    Running server =
        Running.start(
                "spire-server",
                folder,
                List.of(programs.server().toString(), "run", "-config", "server.conf"),
                Map.of())
            .await(Duration.ofSeconds(20), () -> healthy(programs.server(), api));
    try {
      Folders.write(
          folder.resolve("data/bootstrap.pem"),
          "rw-------",
          cli(programs, folder, "bundle", "show"));
      String token =
          cli(
                  programs,
                  folder,
                  "token",
                  "generate",
                  "-spiffeID",
                  NODE.formatted(trustDomain),
                  "-ttl",
                  "600")
              .replace("Token:", "")
              .strip();
      create(programs, folder, trustDomain, entries);
      Running agent =
          Running.start(
              "spire-agent",
              folder,
              List.of(
                  programs.agent().toString(), "run", "-config", "agent.conf", "-joinToken", token),
              Map.of());
      Spire spire = new Spire(programs, folder, trustDomain, server, agent);
      spire.awaitAgent();
      return spire;
    } catch (RuntimeException e) {
      server.close();
      throw e;
    }
  }

  private void awaitAgent() {
    agent.await(
        Duration.ofSeconds(20),
        () -> Files.exists(workloadSocket()) && Files.exists(brokerSocket()));
  }

  private static boolean healthy(Path program, Path socket) {
    if (!Files.exists(socket)) {
      return false;
    }
    try {
      var _ =
          Running.run(
              Path.of("/"),
              Duration.ofSeconds(5),
              List.of(program.toString(), "healthcheck", "-socketPath", socket.toString()));
      return true;
    } catch (StageException e) {
      return false;
    }
  }

  private static String cli(Parts programs, Path folder, String... words) {
    List<String> command = new ArrayList<>(List.of(programs.server().toString()));
    command.addAll(List.of(words).subList(0, 2));
    command.addAll(List.of("-socketPath", folder.resolve("run/server.sock").toString()));
    command.addAll(List.of(words).subList(2, words.length));
    return Running.run(folder, Duration.ofSeconds(20), command);
  }

  private static void create(
      Parts programs, Path folder, String trustDomain, List<Registration> entries) {
    ObjectMapper json = new ObjectMapper();
    ObjectNode all = json.createObjectNode();
    ArrayNode list = all.putArray("entries");
    for (Registration entry : entries) {
      ObjectNode one = list.addObject();
      one.put("spiffe_id", entry.id());
      one.put("parent_id", NODE.formatted(trustDomain));
      one.put("x509_svid_ttl", (int) entry.x509Life().toSeconds());
      one.put("jwt_svid_ttl", 300);
      one.put("hint", entry.hint());
      ArrayNode selectors = one.putArray("selectors");
      for (String selector : entry.selectors()) {
        String[] parts = selector.split(":", 2);
        selectors.addObject().put("type", parts[0]).put("value", parts[1]);
      }
    }
    Path file = Folders.write(folder.resolve("entries.json"), "rw-------", all.toString());
    var _ = cli(programs, folder, "entry", "create", "-data", file.toString());
  }

  /** Registers more; the agent hears of it within some 6 s. */
  public void register(List<Registration> entries) {
    create(programs, folder, trustDomain, entries);
  }

  /** Withdraws every entry of {@code id}; the agent hears of it within some 6 s. */
  public void withdraw(String id) {
    String shown = cli(programs, folder, "entry", "show", "-spiffeID", id, "-output", "json");
    try {
      for (var entry : new ObjectMapper().readTree(shown).path("entries")) {
        var _ = cli(programs, folder, "entry", "delete", "-entryID", entry.path("id").asText());
      }
    } catch (IOException e) {
      throw new StageException("spire-server did not answer with JSON", e);
    }
  }

  /** Stops the agent; the server goes on. */
  public void stopAgent() {
    agent.close();
  }

  /** After {@link #stopAgent}: its keys are on disk, so it needs no token. */
  public void startAgentAgain() {
    agent =
        Running.start(
            "spire-agent",
            folder,
            List.of(programs.agent().toString(), "run", "-config", "agent.conf"),
            Map.of());
    awaitAgent();
  }

  /**
   * The JWT authorities alone, as PEM, for Vault: it would believe an X.509 authority's key as
   * well.
   */
  public List<String> jwtKeys() {
    String bundle = cli(programs, folder, "bundle", "show", "-format", "spiffe");
    try {
      List<String> keys = new ArrayList<>();
      for (JWK key : JWKSet.parse(bundle).getKeys()) {
        if (key.getKeyUse() != null && key.getKeyUse().identifier().equals("jwt-svid")) {
          keys.add(Certificate.pem("PUBLIC KEY", key.toECKey().toECPublicKey().getEncoded()));
        }
      }
      return keys;
    } catch (ParseException | JOSEException e) {
      throw new StageException("the bundle of the SPIRE server cannot be read", e);
    }
  }

  public Path workloadSocket() {
    return folder.resolve("run/public/api.sock");
  }

  public Path brokerSocket() {
    return folder.resolve("run/broker/broker.sock");
  }

  public Path adminSocket() {
    return folder.resolve("run/admin/admin.sock");
  }

  private static String serverConf(Path folder, String trustDomain, int port) {
    return """
    server {
      bind_address = "127.0.0.1"
      bind_port = "%2$d"
      socket_path = "%1$s/run/server.sock"
      trust_domain = "%3$s"
      data_dir = "%1$s/data"
      log_level = "WARN"
      ca_ttl = "24h"
      default_x509_svid_ttl = "1h"
      default_jwt_svid_ttl = "5m"
      jwt_issuer = "https://spire.%3$s"
      jwt_key_type = "ec-p256"
    }
    plugins {
      DataStore "sql" { plugin_data { database_type = "sqlite3" connection_string = "%1$s/data/datastore.sqlite3" } }
      NodeAttestor "join_token" { plugin_data {} }
      KeyManager "disk" { plugin_data { keys_path = "%1$s/data/keys.json" } }
    }
    """
        .formatted(folder, port, trustDomain);
  }

  private static String agentConf(Path folder, String trustDomain, int port, String broker) {
    return """
    agent {
      data_dir = "%1$s/data"
      log_level = "WARN"
      server_address = "127.0.0.1"
      server_port = "%2$d"
      trust_domain = "%3$s"
      trust_bundle_path = "%1$s/data/bootstrap.pem"
      socket_path = "%1$s/run/public/api.sock"
      admin_socket_path = "%1$s/run/admin/admin.sock"
      authorized_delegates = [ "%4$s" ]
      experimental {
        sync_interval = "5s"
        broker {
          socket_path = "%1$s/run/broker/broker.sock"
          brokers = [
            {
              id = "%4$s"
              allowed_reference_types = [ { type_url = "type.googleapis.com/spiffe.broker.WorkloadPIDReference" } ]
            },
          ]
        }
      }
    }
    plugins {
      NodeAttestor "join_token" { plugin_data {} }
      KeyManager "disk" { plugin_data { directory = "%1$s/data" } }
      WorkloadAttestor "unix" { plugin_data { discover_workload_path = true } }
    }
    """
        .formatted(folder, port, trustDomain, broker);
  }

  @Override
  public void close() {
    agent.close();
    server.close();
  }
}
