package io.exeat.task;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.exeat.config.ConfigException;
import io.spiffe.spiffeid.SpiffeId;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class UpstreamFileTest {
  private static final String PIN = "ab".repeat(32);

  /** The full catalogue with a service too. */
  static final String SERVICE =
      CatalogueFileTest.FULL
          .replace(
              "grants:\n  orders-read",
              """
                web:
                  environment: demo
                  service: { host: tools.example.org }
              grants:
                web-use: { target: web, actions: [use], data-class: public }
                orders-read\
              """)
          .replace("grants: [orders-read]", "grants: [orders-read, web-use]");

  static final String UPSTREAMS =
      """
      upstreams:
        web:
          url: https://tools.example.org/mcp
          ca: /etc/exeat/tools.pem
          spiffe-id: spiffe://example.org/tools
          grant: web-use
          headers:
            - { name: Authorization, value: "Bearer xyz" }
          definitions: unsafe-any
          timeout: 30s
          tools:
            find:
              grant: orders-read
              step: retrieve
              reads-outside: true
              destination: tools.example.org
              risk: 7
              pin: %s
          resources:
            reports: { uri: "report://*", step: retrieve, grant: web-use, reads-outside: true,
                       destination: tools.example.org, risk: 1 }
            one: { uri: "report://one", step: execute }
          prompts:
            greet: { step: plan, grant: web-use, reads-outside: false, destination: a.example, risk: 1 }
        orders-db:
          command: [node, /opt/server.js, "postgresql://{user}@{host}:{port}/{database}"]
          user: mcp-orders
          grant: orders-read
          environment:
            - { name: PGPASSWORD, value: "{secret}" }
          files:
            - { name: TOKEN_FILE, value: "{basic}" }
          libpq: true
          tools:
            query: { step: retrieve }
      """
          .formatted(PIN);

  @Test
  void anUpstreamIsReadWhole() {
    UpstreamEntry web = upstream("web");
    assertThat(web)
        .isEqualTo(
            new UpstreamEntry(
                "web",
                "web-use",
                new UpstreamEntry.Server.Url(
                    URI.create("https://tools.example.org/mcp"),
                    Optional.of(Path.of("/etc/exeat/tools.pem")),
                    Optional.of(SpiffeId.parse("spiffe://example.org/tools")),
                    Map.of("Authorization", new Template("Bearer xyz"))),
                false,
                Duration.ofSeconds(30),
                Map.of("find", new UpstreamEntry.Item("web.find", "orders-read", Optional.of(PIN))),
                Map.of(
                    "reports",
                    new UpstreamEntry.Resources("report://*", plain("web/resources/reports")),
                    "one",
                    new UpstreamEntry.Resources("report://one", plain("web/resources/one"))),
                Map.of("greet", plain("web/prompts/greet"))));
  }

  private static UpstreamEntry.Item plain(String tool) {
    return new UpstreamEntry.Item(tool, "web-use", Optional.empty());
  }

  @Test
  void whatIsNotSaidIsTheSafeChoice() {
    UpstreamEntry db = upstream("orders-db");
    assertThat(db.pinned()).isTrue();
    assertThat(db.timeout()).isEqualTo(Duration.ofMinutes(5));
    assertThat(Optional.ofNullable(db.tools().get("query")))
        .contains(new UpstreamEntry.Item("orders-db.query", "orders-read", Optional.empty()));
    assertThat(db.server())
        .isEqualTo(
            new UpstreamEntry.Server.Command(
                List.of(
                    new Template("node"),
                    new Template("/opt/server.js"),
                    new Template("postgresql://{user}@{host}:{port}/{database}")),
                "mcp-orders",
                Map.of("PGPASSWORD", new Template("{secret}")),
                Map.of("TOKEN_FILE", new Template("{basic}")),
                true));
  }

  @Test
  void whatIsMappedIsATool() {
    Catalogue catalogue = parse(SERVICE + UPSTREAMS);
    assertThat(catalogue.tools().get("web.find"))
        .isEqualTo(new Tool("web.find", Step.RETRIEVE, true, Optional.of("tools.example.org"), 7));
    assertThat(catalogue.tools().get("web/offers"))
        .isEqualTo(new Tool("web/offers", Step.PLAN, false, Optional.empty(), 0));
    assertThat(grant(catalogue, "orders-read").tools())
        .containsExactlyInAnyOrder(
            "report.build", "web.find", "orders-db.query", "orders-db/offers");
    assertThat(grant(catalogue, "web-use").lends()).isFalse();
    assertThat(grant(catalogue, "orders-read").lends()).isTrue();
  }

  @Test
  void theLongestRuleThatFitsAResourceCounts() {
    UpstreamEntry web = upstream("web");
    assertThat(web.resource("report://one")).contains(plain("web/resources/one"));
    assertThat(web.resource("report://two")).contains(plain("web/resources/reports"));
    assertThat(web.resource("reports://two")).isEmpty();
  }

  /** The server decides what a path comes to; we decide on what is written. */
  @Test
  void aResourceThatMayLeadElsewhereFitsNoBeginning() {
    UpstreamEntry.Resources notes =
        new UpstreamEntry.Resources("file:///notes/*", plain("web/resources/notes"));
    assertThat(List.of("file:///notes/", "file:///notes/a.b/..c/é.md", "file:///notes/v1...2"))
        .allMatch(notes::holds);
    assertThat(
            List.of(
                "file:///notes/../etc/passwd",
                "file:///notes/a/..",
                "file:///notes/./a",
                "file:///notes/..\\..\\boot.ini",
                "file:///notes/%2e%2E/etc",
                "file:///notes/..%2Fetc",
                "file:///notes/%252e%252e/etc",
                "file:///notes/..;/etc",
                "file:///notes/?path=../etc",
                "file:///notes/a\0.md",
                "file:///notes/a%00.md",
                "file:///Notes/a"))
        .noneMatch(notes::holds);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "    grant: web-use | grant: nothing | is not a known grant (orders-read, web-use)",
        "https://tools | http://tools | must be https, unless its host is localhost",
        "step: retrieve } | step: look } | is not one of plan, retrieve, execute, administer",
        "Bearer xyz | Bearer {secret} | lends nothing, so no {…} can be filled in",
        "value: \"{basic}\" | value: \"{bearer}\" | in which {…} is one of [basic, database, host,",
        "{user}@ | {user}:{secret}@ | everybody on the machine could read there",
        "name: Authorization | name: Host | is set by the gateway itself",
        "name: Authorization | name: Mcp-Name | is set by the gateway itself",
        "pin: ab | pin: xx | a SHA-256 of 64 characters",
        "user: mcp-orders | grunt: x | user: is missing",
        "{ step: retrieve } | { step: retrieve, grant: web-use } | a process has one credential",
        "report://* | *//* | is not a URI of up to 500",
        "timeout: 30s | timeout: 0s | from 1s to 1h",
        "libpq: true | libpq: true~    url: https://x.example/ | either url or command",
      })
  void whatIsWrongIsSaidWithTheKey(String right, String wrong, String said) {
    String yaml = (SERVICE + UPSTREAMS).replace(right, wrong.replace('~', '\n'));
    assertThat(yaml).isNotEqualTo(SERVICE + UPSTREAMS);
    ConfigException refused = catchThrowableOfType(ConfigException.class, () -> parse(yaml));
    assertThat(refused).isNotNull();
    assertThat(refused.problems()).anyMatch(it -> it.contains(said.strip()));
  }

  @Test
  void aToolIsSaidInOnePlace() {
    String yaml = SERVICE + UPSTREAMS + "tools: { web.find: { step: plan } }\n";
    ConfigException refused = catchThrowableOfType(ConfigException.class, () -> parse(yaml));
    assertThat(refused.problems())
        .singleElement()
        .asString()
        .contains("tool web.find stands under tools already");
  }

  @Test
  void aServiceLendsNothing() {
    String yaml = SERVICE.replace("data-class: public }", "data-class: public, delivery: raw }");
    ConfigException refused = catchThrowableOfType(ConfigException.class, () -> parse(yaml));
    assertThat(refused.problems()).singleElement().asString().contains("nothing is lent");
  }

  private static UpstreamEntry upstream(String name) {
    return Objects.requireNonNull(parse(SERVICE + UPSTREAMS).upstreams().get(name));
  }

  private static Grant grant(Catalogue catalogue, String name) {
    return Objects.requireNonNull(catalogue.grants().get(name));
  }

  private static Catalogue parse(String yaml) {
    return CatalogueFile.parse("catalogue.yaml", yaml.getBytes(UTF_8));
  }
}
