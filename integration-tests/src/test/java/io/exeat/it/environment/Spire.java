package io.exeat.it.environment;

import io.exeat.it.Needs;
import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.stream.Stream;
import org.awaitility.Awaitility;
import org.jspecify.annotations.Nullable;

/**
 * A real SPIRE server and agent on loopback, configured by {@code spire-config/}, in a directory of
 * their own that is removed afterwards.
 */
public final class Spire implements AutoCloseable {
  /**
   * SPIRE tells a change of entries after its cache (5 s) and the agent's sync (5 s) at the latest.
   */
  public static final Duration PATIENCE = Duration.ofSeconds(20);

  private final String node;
  private final Path binaries;
  private final Path config;
  private final Path directory;
  private final Map<String, String> placeholders;
  private final Process server;
  private @Nullable Process agent;
  private @Nullable Process provider;

  private Spire(Path binaries, Path config, String trustDomain, Optional<Partner> partner)
      throws IOException {
    this.node = "spiffe://" + trustDomain + "/node/h1";
    this.binaries = binaries;
    this.config = config;
    // Short: a socket's path has at most 107 bytes.
    this.directory = Files.createTempDirectory("spire");
    var _ = directory.toFile().setExecutable(true, false);
    for (String part :
        List.of(
            "data/server", "data/agent", "run/server", "run/public", "run/admin", "run/broker")) {
      Files.createDirectories(directory.resolve(part));
    }
    this.placeholders = new HashMap<>();
    placeholders.put("OIDC_PORT", Integer.toString(freePort()));
    for (String file : List.of("server.conf", "agent.conf", "oidc-discovery-provider.conf")) {
      Files.writeString(
          directory.resolve("data").resolve(file),
          Files.readString(config.resolve(file))
              .replace("https://oidc.example.org", issuer().toString())
              .replace("oidc.example.org", issuer().getHost())
              .replace("example.org", trustDomain));
    }
    placeholders.put("MY_NODE_NAME", "h1");
    placeholders.put("DIR", directory.toString());
    placeholders.put("SERVER_PORT", Integer.toString(freePort()));
    if (partner.isPresent()) {
      Path file = directory.resolve("data/server.conf");
      Files.writeString(
          file,
          Files.readString(file)
              .replaceFirst(
                  "(?m)^}$",
                  Matcher.quoteReplacement(
                      Files.readString(config.resolve("federation.conf")) + "}")));
      placeholders.put("BUNDLE_ADDRESS", "127.0.0.1");
      placeholders.put("BUNDLE_PORT", Integer.toString(partner.get().ownPort()));
      placeholders.put("PARTNER", partner.get().trustDomain());
      placeholders.put("PARTNER_ADDRESS", "127.0.0.1");
      placeholders.put("PARTNER_PORT", Integer.toString(partner.get().port()));
    }
    this.server = run("spire-server", "server.conf", List.of());
    await(() -> exitOf("healthcheck", "-socketPath", serverSocket()) == 0);
    Files.writeString(directory.resolve("data/bootstrap.pem"), server("bundle", "show"));
    String token = server("token", "generate", "-spiffeID", node).strip();
    startAgent(List.of("-joinToken", token.substring(token.lastIndexOf(' ') + 1)));
  }

  /**
   * Starts one. Where {@code EXEAT_SPIRE_BIN} and the PATH have none, the test is skipped with one
   * printed line, or fails if {@code EXEAT_REQUIRE} names {@code spire}.
   */
  public static Spire start() {
    return start("example.org", Optional.empty());
  }

  /**
   * Another trust domain on this host.
   *
   * @param ownPort where our bundle is had
   * @param port where its bundle is had
   */
  public record Partner(String trustDomain, int ownPort, int port) {}

  /** One of another trust domain, perhaps federated by {@code spire-config/federation.conf}. */
  public static Spire start(String trustDomain, Optional<Partner> partner) {
    Path binaries = Needs.part("spire", binaries());
    try {
      return new Spire(
          binaries,
          Path.of(System.getProperty("exeat.root", "..")).resolve("spire-config").toRealPath(),
          trustDomain,
          partner);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  static Optional<Path> binaries() {
    List<String> places = new ArrayList<>(List.of(environment("EXEAT_SPIRE_BIN")));
    places.addAll(List.of(environment("PATH").split(File.pathSeparator, -1)));
    return places.stream()
        .filter(place -> !place.isEmpty())
        .map(Path::of)
        .filter(place ->
            Files.isExecutable(place.resolve("spire-server"))
                && Files.isExecutable(place.resolve("spire-agent")))
        .findFirst();
  }

  private static String environment(String name) {
    return Optional.ofNullable(System.getenv(name)).orElse("");
  }

  /** One that nobody has now. */
  public static int freePort() throws IOException {
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      return socket.getLocalPort();
    }
  }

  /** The Workload API. */
  public Path workloadSocket() {
    return directory.resolve("run/public/api.sock");
  }

  /** The Broker API; its client must be {@code spiffe://example.org/host/h1/broker}. */
  public Path brokerSocket() {
    return directory.resolve("run/broker/broker.sock");
  }

  /** The Delegated Identity API; its client must be {@code spiffe://example.org/host/h1/broker}. */
  public Path adminSocket() {
    return directory.resolve("run/admin/admin.sock");
  }

  /** Of all JWT-SVIDs; also where {@link #startProvider} serves. */
  public URI issuer() {
    return URI.create("https://localhost:" + placeholders.get("OIDC_PORT"));
  }

  /**
   * Runs SPIRE's OIDC discovery provider until it serves. Skips the test where there is none.
   *
   * @return who vouches for its certificate, in PEM
   */
  public Path startProvider() {
    Path binary =
        Needs.part(
            "spire-oidc",
            Optional.of(binaries.resolve("oidc-discovery-provider")).filter(Files::isExecutable));
    try {
      TestCertificate certificate =
          TestCertificate.create(Files.createDirectories(directory.resolve("data/oidc")));
      var _ =
          entries(
              "oidc-entries.json",
              Map.of(
                  "OIDC_UID",
                  Files.getAttribute(directory, "unix:uid").toString(),
                  "OIDC_PATH",
                  binary.toRealPath().toString()));
      provider = run(List.of(binary.toString()), "oidc-discovery-provider.conf");
      try (HttpClient client = HttpClient.newBuilder().sslContext(certificate.trust()).build()) {
        // Before its entry is known it has no keys, and says so.
        await(() -> {
          try {
            return client
                    .send(
                        HttpRequest.newBuilder(issuer().resolve("/keys"))
                            .timeout(Duration.ofSeconds(5))
                            .build(),
                        HttpResponse.BodyHandlers.discarding())
                    .statusCode()
                == 200;
          } catch (IOException e) {
            return false;
          }
        });
      }
      return certificate.certificate();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The JWT authorities as a JWK set, for Vault. */
  public String jwks() {
    return server("bundle", "show", "-format", "spiffe");
  }

  /**
   * Entitles processes that match all {@code selectors}, such as {@code unix:uid:1001}; known at
   * the agent within {@link #PATIENCE}.
   *
   * @return the entry's ID
   */
  public String entry(String spiffeId, Duration x509Life, String hint, String... selectors) {
    return entry(spiffeId, x509Life, hint, List.of(), selectors);
  }

  /** The same, given the bundles of other trust domains too. */
  public String entry(
      String spiffeId,
      Duration x509Life,
      String hint,
      List<String> federatesWith,
      String... selectors) {
    List<String> command =
        new ArrayList<>(
            List.of("entry", "create", "-parentID", node, "-spiffeID", spiffeId, "-hint", hint));
    for (String other : federatesWith) {
      command.addAll(List.of("-federatesWith", "spiffe://" + other));
    }
    command.addAll(
        List.of("-x509SVIDTTL", Long.toString(x509Life.toSeconds()), "-jwtSVIDTTL", "300"));
    for (String selector : selectors) {
      command.addAll(List.of("-selector", selector));
    }
    String answer = server(command.toArray(String[]::new));
    return after("Entry ID", answer).stream()
        .findFirst()
        .orElseThrow(() -> new AssertionError(answer));
  }

  /**
   * Entitles the packaged program, as our own user, to an SVID that is a server's at {@code dns}.
   */
  public void serving(String spiffeId, String dns) {
    try {
      var _ =
          server(
              "entry",
              "create",
              "-parentID",
              node,
              "-spiffeID",
              spiffeId,
              "-dns",
              dns,
              "-x509SVIDTTL",
              "300",
              "-selector",
              "unix:uid:" + Files.getAttribute(directory, "unix:uid"),
              "-selector",
              "unix:path:" + Packaged.java().toRealPath());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static List<String> after(String label, String answer) {
    return answer
        .lines()
        .filter(line -> line.startsWith(label))
        .map(line -> line.substring(line.indexOf(':') + 1).strip())
        .toList();
  }

  /** The trust domain's bundle, in SPIFFE's format. */
  public String bundle() {
    return server("bundle", "show", "-format", "spiffe");
  }

  /** Makes the other trust domain's bundle known to the server. */
  public void federate(String other, String bundle) {
    try {
      Path file = Files.writeString(directory.resolve("data/" + other + ".bundle"), bundle);
      server(
          "bundle",
          "set",
          "-id",
          "spiffe://" + other,
          "-format",
          "spiffe",
          "-path",
          file.toString());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /**
   * The entries of {@code spire-config/entries.json}, with its other placeholders filled in.
   *
   * @return the entries' IDs by SPIFFE ID
   */
  public Map<String, String> entries(Map<String, String> values) {
    return entries("entries.json", values);
  }

  private Map<String, String> entries(String file, Map<String, String> values) {
    try {
      String text = Files.readString(config.resolve(file));
      for (Map.Entry<String, String> value : values.entrySet()) {
        text = text.replace("${" + value.getKey() + "}", value.getValue());
      }
      Path filled = directory.resolve("data/entries.json");
      Files.writeString(filled, text);
      String answer = server("entry", "create", "-data", filled.toString());
      List<String> ids = after("Entry ID", answer);
      List<String> names = after("SPIFFE ID", answer);
      Map<String, String> made = new HashMap<>();
      for (int i = 0; i < ids.size(); i++) {
        made.put(names.get(i), ids.get(i));
      }
      return made;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  public void removeEntry(String id) {
    server("entry", "delete", "-entryID", id);
  }

  /** Stops the agent, as a restart of its service begins. */
  public void stopAgent() {
    if (agent != null) {
      end(agent);
    }
  }

  /** Starts the agent again and returns when it serves. */
  public void startAgent() {
    try {
      startAgent(List.of());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private void startAgent(List<String> more) throws IOException {
    agent = run("spire-agent", "agent.conf", more);
    await(() ->
        Files.exists(workloadSocket())
            && Files.exists(brokerSocket())
            && Files.exists(adminSocket()));
  }

  /**
   * Runs the agent of {@code spire-config/kubernetes} until it serves, and returns what it logged.
   * It joins with a token in its service account's place, and there is no kubelet.
   */
  public String agentOfACluster() throws IOException {
    Path sockets = Files.createDirectories(directory.resolve("c/w"));
    Path brokers = Files.createDirectories(directory.resolve("c/b"));
    String text = Files.readString(config.resolve("kubernetes/agent.conf"));
    for (Map.Entry<String, String> each :
        Map.of(
                "${DIR}/data/agent",
                directory.resolve("c/data").toString(),
                "spire-server.spire.svc",
                "127.0.0.1",
                "\"8081\"",
                "\"${SERVER_PORT}\"",
                "/run/spire/bundle/bundle.crt",
                directory.resolve("data/bootstrap.pem").toString(),
                "/run/spire/agent-sockets",
                sockets.toString(),
                "/run/spire/broker-sockets",
                brokers.toString(),
                "NodeAttestor \"k8s_psat\"",
                "NodeAttestor \"join_token\"",
                "cluster = \"example\"",
                "",
                "node_name_env = \"MY_NODE_NAME\"",
                "node_name_env = \"MY_NODE_NAME\"\nskip_kubelet_verification = true\n"
                    + "use_anonymous_authentication = true")
            .entrySet()) {
      if (!text.contains(each.getKey())) {
        throw new AssertionError(each.getKey() + " is not in " + text);
      }
      text = text.replace(each.getKey(), each.getValue());
    }
    Files.writeString(directory.resolve("data/cluster.conf"), text);
    String token = server("token", "generate", "-spiffeID", node + "/cluster").strip();
    Path said = directory.resolve("data/spire-agent.log");
    long before = Files.size(said);
    Process process =
        run(
            "spire-agent",
            "cluster.conf",
            List.of("-joinToken", token.substring(token.lastIndexOf(' ') + 1)));
    try {
      await(() ->
          !process.isAlive()
              || (Files.exists(sockets.resolve("spire-agent.sock"))
                  && Files.exists(brokers.resolve("broker.sock"))));
    } finally {
      end(process);
    }
    return Files.readString(said).substring((int) before);
  }

  private Process run(String binary, String file, List<String> more) throws IOException {
    List<String> command = List.of(binaries.resolve(binary).toString(), "run");
    return run(command, file, more.toArray(String[]::new));
  }

  private Process run(List<String> binary, String file, String... more) throws IOException {
    List<String> command = new ArrayList<>(binary);
    command.addAll(
        List.of("-expandEnv", "-config", directory.resolve("data").resolve(file).toString()));
    command.addAll(List.of(more));
    ProcessBuilder builder =
        new ProcessBuilder(command)
            .redirectErrorStream(true)
            .redirectOutput(
                ProcessBuilder.Redirect.appendTo(
                    directory
                        .resolve("data/" + Path.of(binary.getFirst()).getFileName() + ".log")
                        .toFile()));
    builder.environment().putAll(placeholders);
    return builder.start();
  }

  private String serverSocket() {
    return directory.resolve("run/server/api.sock").toString();
  }

  /** Runs {@code spire-server …} against this server, and says what it printed. */
  public String server(String... words) {
    List<String> command = new ArrayList<>(List.of(words));
    // After the command's words, before its values.
    command.addAll(List.of("-socketPath", serverSocket()));
    command.addFirst(binaries.resolve("spire-server").toString());
    try {
      Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
      String answer = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      if (!process.waitFor(20, TimeUnit.SECONDS) || process.exitValue() != 0) {
        throw new AssertionError(String.join(" ", words) + ": " + answer);
      }
      return answer;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new AssertionError(e);
    }
  }

  private int exitOf(String... words) {
    try {
      List<String> command = new ArrayList<>(List.of(words));
      command.addFirst(binaries.resolve("spire-server").toString());
      Process process =
          new ProcessBuilder(command)
              .redirectErrorStream(true)
              .redirectOutput(ProcessBuilder.Redirect.DISCARD)
              .start();
      return process.waitFor(20, TimeUnit.SECONDS) ? process.exitValue() : -1;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return -1;
    }
  }

  private void await(Callable<Boolean> condition) {
    try {
      Awaitility.await()
          .atMost(Duration.ofSeconds(20))
          .pollInterval(Duration.ofMillis(50))
          .until(condition);
    } catch (RuntimeException e) {
      String logs = log("spire-server") + log("spire-agent") + log("oidc-discovery-provider");
      close();
      throw new AssertionError("SPIRE does not start:\n" + logs, e);
    }
  }

  /** The last of what the binary logged. */
  private String log(String binary) {
    try {
      Path file = directory.resolve("data/" + binary + ".log");
      List<String> lines = Files.exists(file) ? Files.readAllLines(file) : List.of();
      return String.join("\n", lines.subList(Math.max(0, lines.size() - 20), lines.size())) + "\n";
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void end(Process process) {
    process.destroy();
    try {
      if (!process.waitFor(5, TimeUnit.SECONDS)) {
        var _ = process.destroyForcibly().waitFor(5, TimeUnit.SECONDS);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      var _ = process.destroyForcibly();
    }
  }

  @Override
  public void close() {
    if (provider != null) {
      end(provider);
    }
    stopAgent();
    end(server);
    try (Stream<Path> files = Files.walk(directory)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.deleteIfExists(file);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
