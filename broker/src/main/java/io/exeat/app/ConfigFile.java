package io.exeat.app;

import static io.exeat.config.Shape.duration;
import static io.exeat.config.Shape.flag;
import static io.exeat.config.Shape.matching;
import static io.exeat.config.Shape.number;
import static io.exeat.config.Shape.oneOf;
import static io.exeat.config.Shape.path;
import static io.exeat.config.Shape.spiffeId;
import static io.exeat.config.Shape.text;
import static io.exeat.config.Shape.uri;
import static java.nio.charset.StandardCharsets.UTF_8;

import io.exeat.base.FaultException;
import io.exeat.config.Section;
import io.exeat.config.Settings;
import io.exeat.config.Shape;
import io.exeat.gateway.grpc.AdminSocketConfig;
import io.exeat.gateway.grpc.TlsDoorConfig;
import io.exeat.gateway.grpc.UnixDoorConfig;
import io.exeat.gateway.mcp.McpConfig;
import io.exeat.gateway.relay.RelayConfig;
import io.exeat.identity.IdPattern;
import io.exeat.identity.IdentityConfig;
import io.exeat.policy.PolicyConfig;
import io.spiffe.spiffeid.SpiffeId;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;

/** Reads {@code exeat.yaml} and the environment, strictly, every problem at once. */
final class ConfigFile {
  private static final Path HERE = Path.of("exeat.yaml");
  private static final Path SYSTEM = Path.of("/etc/exeat/exeat.yaml");
  private static final String NO_TOOLS =
      "is not served by a sidecar that relays: agents reach tools only where the broker is their"
          + " own sidecar, or their node's; take it out (also as EXEAT_MCP_...), or take relay out";
  private static final String NO_LISTENING =
      "is not served by a sidecar that relays: who brings an SVID calls the broker itself, at"
          + " relay.to; take it out (also as EXEAT_LISTEN_...)";
  static final Shape<String> ADDRESS =
      matching(
          Pattern.compile("([A-Za-z0-9.-]{1,253}|\\[[0-9a-fA-F:]{2,39}]):[0-9]{1,5}"),
          "<host>:<port>");
  private static final Shape<String> DECISION =
      matching(
          Pattern.compile("[A-Za-z_][A-Za-z0-9_]{0,62}(/[A-Za-z_][A-Za-z0-9_]{0,62}){0,15}"),
          "a path below OPA's /v1/data, such as exeat/decision");
  static final Shape<IdPattern> PATTERN =
      new Shape<>(
          "a SPIFFE ID in which * stands for one segment, such as"
              + " spiffe://example.org/host/h1/agent/*",
          new IdPattern("spiffe://stand.in/none"),
          true,
          ConfigFile::pattern);

  private final Section root;

  private ConfigFile(Settings settings) {
    this.root = settings.root();
  }

  /**
   * The file that {@code named} names, else EXEAT_CONFIG, else {@code exeat.yaml} here, else {@code
   * /etc/exeat/exeat.yaml}; with none of them the environment alone.
   *
   * @throws io.exeat.config.ConfigException with every problem
   */
  static BrokerConfig read(Optional<Path> named, Map<String, String> environment) {
    return read(settings(named, environment));
  }

  /**
   * Who a client is that brings its own SVID: {@code spiffe.*} of the file that {@link #read}
   * reads. A client needs no more of it.
   *
   * @throws io.exeat.config.ConfigException with every problem there
   */
  static IdentityConfig client(Map<String, String> environment) {
    Settings settings = settings(Optional.empty(), environment);
    Section spiffe = settings.root().section("spiffe");
    IdentityConfig identity = identity(spiffe);
    settings.finish(spiffe);
    return identity;
  }

  static Settings settings(Optional<Path> named, Map<String, String> environment) {
    Optional<Path> file = place(named, environment);
    return file.isPresent()
        ? Settings.read(file.get(), environment)
        : Settings.parse("the environment", "{}\n".getBytes(UTF_8), environment);
  }

  /** The file that {@link #read} reads; empty for the environment alone. */
  static Optional<Path> place(Optional<Path> named, Map<String, String> environment) {
    return named
        .or(() -> Optional.ofNullable(environment.get("EXEAT_CONFIG")).map(Path::of))
        .or(() -> Optional.of(HERE).filter(Files::exists))
        .or(() -> Optional.of(SYSTEM).filter(Files::exists));
  }

  static BrokerConfig read(Settings settings) {
    BrokerConfig config = new ConfigFile(settings).config();
    settings.finish();
    return config;
  }

  private BrokerConfig config() {
    IdentityConfig identity = identity(root.section("spiffe"));
    Section socket = root.section("socket");
    Section admin = root.section("admin");
    Set<Integer> uids =
        new LinkedHashSet<>(
            admin.all("uids", number(0, Integer.MAX_VALUE)).or(List.of(0, Own.uid())));
    Optional<TlsDoorConfig> listen = root.optionalSection("listen").map(this::listen);
    Optional<McpConfig> mcp = root.optionalSection("mcp").map(ConfigFile::mcp);
    BrokerConfig.Form form = form();
    if (form instanceof BrokerConfig.Relayed) {
      mcp.ifPresent(_ -> root.problem("mcp", NO_TOOLS));
      listen.ifPresent(_ -> root.problem("listen", NO_LISTENING));
    }
    return new BrokerConfig(
        identity,
        AttestationFile.read(root.section("attestation"), identity.id()),
        door(socket, "agent.sock"),
        socket.all("more", path()).or(List.of()),
        new AdminSocketConfig(admin.one("path", path()).or(Path.of("/run/exeat/admin.sock")), uids),
        listen,
        mcp,
        root.optionalSection("metrics").map(it -> door(it, "metrics.sock")),
        form,
        root.section("log")
            .one("level", oneOf(BrokerConfig.LogLevel.class))
            .or(BrokerConfig.LogLevel.INFO));
  }

  private static UnixDoorConfig door(Section section, String usual) {
    return new UnixDoorConfig(
        section.one("path", path()).or(Path.of("/run/exeat", usual)),
        section.one("group", text(64)).optional());
  }

  private static McpConfig mcp(Section section) {
    return new McpConfig(
        section.one("path", path()).required(), section.all("more", path()).or(List.of()));
  }

  private static IdentityConfig identity(Section spiffe) {
    return new IdentityConfig(
        spiffe.one("workload-api", path()).or(Path.of("/run/spire/agent/api.sock")),
        spiffe.one("id", spiffeId()).required(),
        spiffe.one("hint", text(64)).or(""),
        spiffe.one("first-update-within", seconds(1, 600)).or(Duration.ofSeconds(30)));
  }

  private TlsDoorConfig listen(Section section) {
    String address = section.one("address", ADDRESS).required();
    return new TlsDoorConfig(
        address.isEmpty()
            ? InetSocketAddress.createUnresolved("none", 0)
            : new InetSocketAddress(host(address), port(section, "address", address)),
        Set.copyOf(section.all("operators", spiffeId()).or(List.of())),
        section
            .one("max-connection-age", seconds(10, 86_400))
            .or(TlsDoorConfig.half(Duration.ofHours(1))),
        section.one("age-grace", seconds(1, 600)).or(TlsDoorConfig.AGE_GRACE));
  }

  private BrokerConfig.Form form() {
    Optional<Section> relay = root.optionalSection("relay");
    if (relay.isPresent()) {
      String to = relay.get().one("to", ADDRESS).required();
      SpiffeId broker = relay.get().one("broker", spiffeId()).required();
      return new BrokerConfig.Relayed(
          new RelayConfig(
              to.isEmpty() ? "" : host(to),
              to.isEmpty() ? 0 : port(relay.get(), "to", to),
              broker));
    }
    Section audit = root.section("audit");
    return new BrokerConfig.AllInOne(
        vault(root.section("vault")),
        root.section("targets").one("ca", path()).optional(),
        root.section("catalogue").one("path", path()).or(Path.of("/etc/exeat/catalogue.yaml")),
        root.section("journal").one("folder", path()).or(Path.of("/var/lib/exeat/journal")),
        audit.one("folder", path()).or(Path.of("/var/lib/exeat/audit")),
        audit.one("rotate-at", Shape.size(1 << 20, 1L << 34)).or(64L << 20),
        policy(root.section("policy")),
        ExtAuthzFile.read(root));
  }

  static PolicyConfig policy(Section section) {
    return section.mode(
        "mode",
        "cedar",
        Map.of(
            "cedar",
            s ->
                new PolicyConfig.Cedar(
                    s.one("folder", path()).optional(), within(s, Duration.ofMillis(10))),
            "opa",
            s ->
                new PolicyConfig.Opa(
                    s.one("address", uri("https", "http")).required(),
                    s.one("decision", DECISION).or("exeat/decision"),
                    within(s, Duration.ofMillis(50)))));
  }

  private static Duration within(Section section, Duration usual) {
    return section.one("within", duration(Duration.ofMillis(1), Duration.ofSeconds(5))).or(usual);
  }

  private static BrokerConfig.Vault vault(Section section) {
    boolean plaintext = section.one("development-plaintext", flag()).or(false);
    URI address =
        section.one("address", plaintext ? uri("https", "http") : uri("https")).required();
    return new BrokerConfig.Vault(
        address,
        section.one("ca", path()).optional(),
        section.one("namespace", text(255)).optional(),
        section.one("mount", Shape.name()).or("spiffe"),
        section.one("role", Shape.name()).or("exeat"),
        section.one("audience", text(255)).or(address.toString()),
        section.one("timeout", seconds(1, 60)).or(Duration.ofSeconds(10)),
        section.one("longest-task", seconds(60, 7 * 86_400)).or(Duration.ofHours(12)),
        section.one("session-ttl", seconds(5, 3600)).or(Duration.ofMinutes(2)),
        plaintext);
  }

  static Shape<Duration> seconds(long least, long most) {
    return duration(Duration.ofSeconds(least), Duration.ofSeconds(most));
  }

  static String host(String address) {
    return address.substring(0, address.lastIndexOf(':')).replace("[", "").replace("]", "");
  }

  static int port(Section section, String key, String address) {
    int port = Integer.parseInt(address.substring(address.lastIndexOf(':') + 1));
    if (port > 65_535) {
      section.problem(key, "has a port above 65535");
      return 0;
    }
    return port;
  }

  private static Optional<IdPattern> pattern(String text) {
    try {
      return Optional.of(new IdPattern(text));
    } catch (FaultException e) {
      return Optional.empty();
    }
  }
}
