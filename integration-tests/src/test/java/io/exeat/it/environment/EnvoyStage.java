package io.exeat.it.environment;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.exeat.base.Time;
import io.exeat.identity.SpiffeTls;
import io.exeat.identity.TestIdentity;
import io.exeat.it.Needs;
import io.exeat.v1.Binding;
import io.exeat.v1.CompleteRequest;
import io.exeat.v1.Task;
import io.spiffe.spiffeid.SpiffeId;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * The packaged broker behind a real Envoy, in front of an upstream that writes down what reaches
 * it. Agents come to Envoy with their SVID.
 */
public final class EnvoyStage implements AutoCloseable {
  private static final SpiffeId ENVOY = SpiffeId.parse("spiffe://example.org/host/h1/envoy");
  private static final Time TIME = new Time(Clock.systemUTC(), System::nanoTime);
  private static final ObjectMapper JSON = new ObjectMapper();

  /**
   * One tool is nothing to the policies that ship; for the other they ask for an operator's yes.
   */
  private static final String UPSTREAMS =
      """
      upstreams:
        tracker:
          grant: orders-proxied
          url: "http://127.0.0.1:8000/mcp"
          definitions: unsafe-any
          headers: [{name: Authorization, value: "Basic {basic}"}]
          tools:
            find: {step: retrieve, risk: 10}
            purge: {step: retrieve, risk: 95}
      """;

  private final Path envoyBinary = Needs.part("envoy", Envoy.binary());
  private final Stage stage = Stage.get();
  private final Path folder = stage.newFolder("e");
  private final List<AutoCloseable> open = new ArrayList<>();
  private final Recorder upstream;
  private final Deployment deployment;
  private final Client client;
  private final Envoy envoy;
  private final HttpClient agent = agent(Stage.AGENT);

  private EnvoyStage(Deployment.Plan plan) {
    try {
      this.upstream = closing(new Recorder());
      this.deployment = closing(Deployment.start(plan.launchedBy(config -> launch(plan, config))));
      this.client = closing(deployment.client());
      this.envoy =
          closing(
              Envoy.start(
                  envoyBinary,
                  folder,
                  new Envoy.Place(
                      stage.authority().issue(ENVOY, Duration.ofHours(1)),
                      stage.authority().authority(),
                      authz(),
                      upstream.port())));
    } catch (RuntimeException e) {
      close();
      throw e;
    }
  }

  /** Starts one; Envoy may not know yet that the broker is warm when this returns. */
  public static EnvoyStage start(Deployment.Plan plan) {
    return new EnvoyStage(plan);
  }

  private <T extends AutoCloseable> T closing(T part) {
    open.addFirst(part);
    return part;
  }

  /** With the upstream in its catalogue, and a door for Envoys. */
  private List<String> launch(Deployment.Plan plan, Path config) {
    try {
      String yaml = Files.readString(config);
      Matcher catalogue = Pattern.compile("catalogue: \\{path: ([^}]*)}").matcher(yaml);
      if (!catalogue.find()) {
        throw new IllegalStateException("no catalogue in " + yaml);
      }
      Path own = folder.resolve("catalogue.yaml");
      Files.writeString(own, Files.readString(Path.of(catalogue.group(1))) + UPSTREAMS);
      Files.writeString(
          config,
          yaml.replace(catalogue.group(1), own.toString())
              + "ext-authz: {path: %s, agents: \"spiffe://example.org/host/h1/agent/*\", audience: exeat}\n"
                  .formatted(authz()));
      return plan.launch().command(config);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private Path authz() {
    return folder.resolve("run").resolve("authz.sock");
  }

  private HttpClient agent(SpiffeId id) {
    TestIdentity identity =
        new TestIdentity(
            stage.authority().issue(id, Duration.ofHours(1)), stage.authority().authority());
    return HttpClient.newBuilder()
        .sslContext(new SpiffeTls(identity, TIME).context(ENVOY::equals))
        .build();
  }

  public Stage stage() {
    return stage;
  }

  public Deployment deployment() {
    return deployment;
  }

  /** What reached the upstream. */
  public List<Recorder.Request> reached() {
    return upstream.reached();
  }

  /** The agent at the broker's own door. */
  public Client client() {
    return client;
  }

  /** A task that the agent has the upstream's grant in, whichever way it comes; ends with this. */
  public Task openTask() {
    Task task =
        client
            .tasks()
            .open(Client.asking("orders-proxied").setBinding(Binding.BINDING_IDENTITY).build());
    // Its user would still be at the database when others look at what is there.
    open.addFirst(() -> {
      var _ = client.tasks().complete(complete(task));
    });
    return task;
  }

  private static CompleteRequest complete(Task task) {
    return CompleteRequest.newBuilder().setTaskId(task.getId()).build();
  }

  /** The agent calls a tool without arguments, through Envoy. */
  public HttpResponse<String> call(String tool, String... headers) {
    return call(agent, tool, "{}", headers);
  }

  /** The same with arguments. */
  public HttpResponse<String> callWith(String tool, String arguments) {
    return call(agent, tool, arguments);
  }

  /** The first answer that is not Envoy's own: until the broker is warm nothing gets through. */
  public HttpResponse<String> firstCall(String tool) {
    HttpResponse<String> first = call(tool);
    while (first.statusCode() == 503) {
      if (!reached().isEmpty()) {
        throw new AssertionError("before it was warm: " + reached());
      }
      first = call(tool);
    }
    return first;
  }

  /** Somebody calls a tool. */
  public HttpResponse<String> call(
      HttpClient caller, String tool, String arguments, String... headers) {
    HttpRequest.Builder request =
        HttpRequest.newBuilder(URI.create("https://127.0.0.1:" + envoy.port() + "/mcp/tracker"))
            .timeout(Duration.ofSeconds(30))
            .header("content-type", "application/json")
            .POST(
                BodyPublishers.ofString(
                    "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"tools/call\",\"params\":{\"name\":\"%s\",\"arguments\":%s}}"
                        .formatted(tool, arguments)));
    for (int i = 0; i < headers.length; i += 2) {
      request.setHeader(headers[i], headers[i + 1]);
    }
    try {
      return caller.send(request.build(), BodyHandlers.ofString());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    }
  }

  /** The audit chain's records of kinds that begin so, in their order. */
  public List<JsonNode> records(String kind) {
    List<JsonNode> records = new ArrayList<>();
    try (Stream<Path> files = Files.list(deployment.broker().audit())) {
      for (Path file : files.filter(it -> it.toString().endsWith(".jsonl")).sorted().toList()) {
        String lines = Files.readString(file);
        // The last may still be being written.
        for (String line : lines.substring(0, lines.lastIndexOf('\n') + 1).lines().toList()) {
          JsonNode record = JSON.readTree(line);
          if (record.path("kind").asText().startsWith(kind)) {
            records.add(record);
          }
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return records;
  }

  /** An answer's body. */
  public static JsonNode json(HttpResponse<String> answer) {
    try {
      return JSON.readTree(answer.body());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public void close() {
    for (AutoCloseable part : open) {
      try {
        part.close();
      } catch (Exception e) { // the others are to end all the same
        System.err.println("not closed: " + e);
      }
    }
    open.clear();
  }
}
