package io.exeat.app;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.exeat.config.ConfigException;
import io.exeat.config.Settings;
import io.exeat.policy.PolicyConfig;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.TreeSet;
import org.jspecify.annotations.NullMarked;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@NullMarked
final class ConfigFileTest {
  private static final String LEAST =
      """
      spiffe: {id: "spiffe://example.org/broker/b"}
      attestation: {mode: broker-api, socket: /b.sock, agents: "spiffe://example.org/agent/*"}
      vault: {address: "https://vault.example.org:8200"}
      """;

  @Test
  void whatIsNotSaidHasADefault() {
    BrokerConfig config = read(LEAST, Map.of());

    assertThat(config.socket().socket()).isEqualTo(Path.of("/run/exeat/agent.sock"));
    assertThat(config.listen()).isEmpty();
    assertThat(config.form()).isInstanceOf(BrokerConfig.AllInOne.class);
  }

  @Test
  void cedarHasTenMillisecondsForADecisionAndOpaFiftyUnlessItIsSaid() {
    Optional<Path> shipped = Optional.empty();
    URI server = URI.create("http://127.0.0.1:8181");
    String opa = "policy: {mode: opa, address: \"http://127.0.0.1:8181\"%s}\n";

    assertThat(policy("")).isEqualTo(new PolicyConfig.Cedar(shipped, Duration.ofMillis(10)));
    assertThat(policy("policy: {within: 7ms}\n"))
        .isEqualTo(new PolicyConfig.Cedar(shipped, Duration.ofMillis(7)));
    assertThat(policy(opa.formatted("")))
        .isEqualTo(new PolicyConfig.Opa(server, "exeat/decision", Duration.ofMillis(50)));
    assertThat(policy(opa.formatted(", decision: own/answer, within: 2s")))
        .isEqualTo(new PolicyConfig.Opa(server, "own/answer", Duration.ofSeconds(2)));
    assertThatThrownBy(() -> policy("policy: {within: 1h}\n"))
        .hasMessageContaining("policy.within");
  }

  private static PolicyConfig policy(String yaml) {
    return ((BrokerConfig.AllInOne) read(LEAST + yaml, Map.of()).form()).policy();
  }

  @Test
  void aVariableWinsOverTheFile() {
    BrokerConfig config = read(LEAST, Map.of("EXEAT_SOCKET_PATH", "/other/agent.sock"));

    assertThat(config.socket().socket()).isEqualTo(Path.of("/other/agent.sock"));
  }

  @Test
  void theEnvironmentAloneSaysTheForm() {
    String yaml = LEAST.replaceAll("vault:.*", "");
    BrokerConfig config =
        read(
            yaml,
            Map.of(
                "EXEAT_RELAY_TO", "broker.example.org:8443",
                "EXEAT_RELAY_BROKER", "spiffe://example.org/broker/x",
                "EXEAT_METRICS_PATH", "/run/exeat/metrics.sock"));

    assertThat(config.form())
        .isInstanceOfSatisfying(
            BrokerConfig.Relayed.class,
            it -> assertThat(it.relay().host()).isEqualTo("broker.example.org"));
    assertThat(config.metrics()).isPresent();
    assertThatThrownBy(() -> read(yaml, Map.of("EXEAT_RELAY_BROKER", "spiffe://example.org/b")))
        .hasMessageContaining("relay.to: is missing");
  }

  /** So that an injected pod that relays needs no file. */
  @Test
  void theEnvironmentAloneMakesItRelay() {
    BrokerConfig config =
        read(
            "{}",
            Map.of(
                "EXEAT_SPIFFE_ID", "spiffe://example.org/ns/a/sa/b/broker/c",
                "EXEAT_ATTESTATION_MODE", "workload-api",
                "EXEAT_ATTESTATION_AGENT", "spiffe://example.org/ns/a/sa/b/agent/c",
                "EXEAT_ATTESTATION_UID", "10001",
                "EXEAT_SOCKET_MORE", "/run/exeat/agents/1/door/agent.sock",
                "EXEAT_RELAY_TO", "broker.exeat.svc:8443",
                "EXEAT_RELAY_BROKER", "spiffe://example.org/broker/b"));

    assertThat(config.form()).isInstanceOf(BrokerConfig.Relayed.class);
    assertThat(config.moreSockets())
        .containsExactly(Path.of("/run/exeat/agents/1/door/agent.sock"));
  }

  /** Rather than left alone: somebody counts on it. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "mcp: {path: /run/exeat/mcp.sock}",
        "EXEAT_MCP_PATH=/run/exeat/mcp.sock",
        "listen: {address: \"127.0.0.1:8443\"}",
        "EXEAT_LISTEN_ADDRESS=127.0.0.1:8443"
      })
  void whatASidecarThatRelaysDoesNotServeIsRefused(String said) {
    String relay = "relay: {to: \"broker.example.org:8443\", broker: \"spiffe://example.org/b\"}\n";
    String yaml = LEAST.replaceAll("vault:.*", "") + relay;
    boolean variable = said.startsWith("EXEAT_");
    Map<String, String> environment =
        variable
            ? Map.of(said.substring(0, said.indexOf('=')), said.substring(said.indexOf('=') + 1))
            : Map.of();

    assertThatThrownBy(() -> read(variable ? yaml : yaml + said, environment))
        .isInstanceOfSatisfying(ConfigException.class, it -> assertThat(it.problems()).hasSize(1))
        .hasMessageContaining(
            (said.toLowerCase(java.util.Locale.ROOT).contains("mcp") ? "mcp" : "listen")
                + ": is not served by a sidecar that relays");
    assertThat(read(yaml, Map.of()).form()).isInstanceOf(BrokerConfig.Relayed.class);
  }

  /** It says to an agent's client where to call, and is no key. */
  @Test
  void whereAnAgentFindsItsToolsMakesNoGateway() {
    assertThat(read(LEAST, Map.of("EXEAT_MCP_SOCKET", "/run/exeat/door/mcp.sock")).mcp()).isEmpty();
  }

  @Test
  void eachContainerThatIsTheAgentHasAnMcpSocket() {
    assertThat(
            read(LEAST, Map.of("EXEAT_MCP_PATH", "/a/mcp.sock", "EXEAT_MCP_MORE", "/b/mcp.sock"))
                .mcp()
                .orElseThrow()
                .sockets())
        .containsExactly(Path.of("/a/mcp.sock"), Path.of("/b/mcp.sock"));
  }

  @Test
  void everyProblemIsToldAtOnce() {
    String wrong =
        """
        spiffe: {id: nobody}
        attestation: {mode: broker-api, agents: "spiffe://*/x"}
        vault: {address: "http://plain:8200", colour: red}
        """;

    assertThatThrownBy(() -> read(wrong, Map.of()))
        .isInstanceOfSatisfying(
            ConfigException.class,
            e ->
                assertThat(String.join("\n", e.problems()))
                    .contains("spiffe.id", "attestation.socket", "attestation.agents")
                    .contains("vault.address", "colour"));
  }

  @Test
  void somebodyMustBeAttested() {
    assertThatThrownBy(() -> read(LEAST.replaceAll("attestation.*", "attestation: {}"), Map.of()))
        .hasMessageContaining("nobody could be attested");
  }

  @ParameterizedTest
  @ValueSource(strings = {"broker-api", "delegated"})
  void agentsOfTheOwnUserAreAWordOfTheirOwn(String mode) {
    String usual = LEAST.replace("broker-api", mode);
    String unsafe = usual.replace("socket: /b.sock", "socket: /b.sock, unsafe-same-user: true");

    assertThat(read(usual, Map.of()).attestation().local().orElseThrow().toString())
        .contains("unsafeSameUser=false");
    assertThat(read(unsafe, Map.of()).attestation().local().orElseThrow().toString())
        .contains("unsafeSameUser=true");
    assertThatThrownBy(() -> read(unsafe.replace(mode, "development"), Map.of()))
        .hasMessageContaining("unsafe-same-user");
  }

  @Test
  void theAgentOfAPodIsNotTheBroker() {
    String pod =
        "attestation: {mode: workload-api, agent: \"spiffe://example.org/%s\", uid: 10001}";
    BrokerConfig config =
        read(LEAST.replaceAll("attestation.*", pod.formatted("agent/a")), Map.of());
    String own = config.identity().id().getPath().substring(1);

    assertThatThrownBy(() -> read(LEAST.replaceAll("attestation.*", pod.formatted(own)), Map.of()))
        .isInstanceOf(ConfigException.class)
        .hasMessageContaining("attestation.agent")
        .hasMessageContaining("is the broker's own SPIFFE ID, spiffe.id: give each an entry");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "relay: {to: \"broker.example.org:8443\", broker: \"spiffe://example.org/broker/x\"}",
        "mcp: {path: /run/exeat/mcp.sock, more: [/run/exeat/more/mcp.sock]}",
        "listen: {address: \"0.0.0.0:8443\", operators: [\"spiffe://example.org/op\"]}",
        "ext-authz: {agents: \"spiffe://example.org/agent/*\", uids: [101], audience: exeat}",
        "ext-authz: {address: \"127.0.0.1:9443\", envoys: [\"spiffe://example.org/envoy\"], agents:"
            + " \"spiffe://example.org/agent/*\"}"
      })
  void theSchemaKnowsEveryKey(String more) throws IOException {
    String yaml = more.startsWith("relay") ? LEAST.replaceAll("vault:.*", "") + more : LEAST + more;
    Settings settings = Settings.parse("test", yaml.getBytes(UTF_8), Map.of());
    var _ = ConfigFile.read(settings);
    JsonNode schema;
    try (InputStream in =
        ConfigFileTest.class.getResourceAsStream("/io/exeat/config/exeat.schema.json")) {
      schema = new ObjectMapper().readTree(Objects.requireNonNull(in));
    }

    TreeSet<String> unknown = new TreeSet<>(settings.known().keySet());
    unknown.removeIf(key -> {
      String pointer = "/properties/" + key.replace(".", "/properties/");
      return !schema.at(pointer).isMissingNode();
    });
    assertThat(unknown).isEmpty();
  }

  private static BrokerConfig read(String yaml, Map<String, String> environment) {
    return ConfigFile.read(Settings.parse("test", yaml.getBytes(UTF_8), environment));
  }
}
