package io.exeat.task;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.exeat.config.ConfigException;
import io.exeat.config.SchemaAgreement;
import io.exeat.config.Settings;
import io.spiffe.spiffeid.SpiffeId;
import java.io.IOException;
import java.net.URI;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

final class CatalogueFileTest {
  static final String FULL =
      """
      version: 1
      targets:
        orders:
          postgres: { host: 127.0.0.1, port: 5433, database: orders, tls: false }
          environment: demo
      grants:
        orders-read:
          target: orders
          actions: [read, mark]
          data-class: internal
          tools: [report.build]
          delivery: raw
          lease: 90s
          postgres: { privileges: [ { on: public.orders, allow: [select, update] } ] }
      intents:
        order-report:
          description: "Reports on orders"
          parameters: { customer: { pattern: "[a-z]{1,20}", required: false } }
      agents:
        billing:
          spiffe-id: spiffe://example.org/ns/demo/sa/billing/agent/billing
          owner: payments team
          escalation: "#payments-oncall"
          grants: [orders-read]
          intents: [order-report]
          max-lifetime: 30m
          max-open-tasks: 1000
          bindings: [process, identity]
          tier: regulated
      """;
  private static final String TOOLS =
      """
      tools:
        report.build:
          step: retrieve
          reads-outside: true
          destination: reports.example.org
          risk: 20
      """;

  @Test
  void aFullCatalogueIsReadWhole() {
    Catalogue catalogue = parse(FULL + TOOLS);
    assertThat(catalogue.targets())
        .isEqualTo(
            Map.of(
                "orders",
                new Target.Postgres("orders", "demo", "127.0.0.1", 5433, "orders", false)));
    assertThat(catalogue.grants())
        .isEqualTo(
            Map.of(
                "orders-read",
                new Grant(
                    "orders-read",
                    "orders",
                    Set.of("read", "mark"),
                    "internal",
                    Set.of("report.build"),
                    Grant.Delivery.RAW,
                    Duration.ofSeconds(90),
                    Budget.OF_A_GRANT,
                    new Grant.Kind.Postgres(
                        List.of(
                            new Grant.Privilege(
                                Set.of("SELECT", "UPDATE"), "public", "orders"))))));
    Intent intent = only(catalogue.intents());
    assertThat(intent.description()).isEqualTo("Reports on orders");
    assertThat(intent.parameters())
        .hasEntrySatisfying(
            "customer", pattern -> assertThat(pattern.pattern()).isEqualTo("[a-z]{1,20}"));
    assertThat(intent.required()).isEmpty();
    assertThat(catalogue.agents())
        .isEqualTo(
            Map.of(
                "billing",
                new AgentEntry(
                    "billing",
                    SpiffeId.parse("spiffe://example.org/ns/demo/sa/billing/agent/billing"),
                    "payments team",
                    Set.of(),
                    "#payments-oncall",
                    Set.of("orders-read"),
                    Set.of("order-report"),
                    Duration.ofMinutes(30),
                    new Budget(1000, 200, 600),
                    Set.of(Binding.PROCESS, Binding.IDENTITY),
                    Tier.REGULATED)));
    assertThat(catalogue.tools())
        .isEqualTo(
            Map.of(
                "report.build",
                new Tool(
                    "report.build", Step.RETRIEVE, true, Optional.of("reports.example.org"), 20)));
  }

  @Test
  void whatIsNotSaidIsTheSafeChoice() {
    Catalogue catalogue =
        parse(
            (FULL + TOOLS)
                .replace("    delivery: raw\n", "")
                .replace("    lease: 90s\n", "")
                .replace("    tools: [report.build]\n", "")
                .replace(", port: 5433", "")
                .replace(", tls: false", "")
                .replace(", required: false", "")
                .replace("    max-lifetime: 30m\n", "")
                .replace("    max-open-tasks: 1000\n", "")
                .replace("    bindings: [process, identity]\n", "")
                .replace("    tier: regulated\n", "")
                .replace("    reads-outside: true\n", "")
                .replace("    destination: reports.example.org\n", "")
                .replace("    risk: 20\n", ""));
    Grant grant = only(catalogue.grants());
    assertThat(grant.lease()).isEqualTo(Duration.ofMinutes(1));
    assertThat(grant.budget()).isEqualTo(Budget.OF_A_GRANT);
    assertThat(grant.tools()).isEmpty();
    assertThat(grant.delivery()).isEqualTo(Grant.Delivery.PROXIED);
    assertThat(catalogue.targets().get("orders"))
        .isEqualTo(new Target.Postgres("orders", "demo", "127.0.0.1", 5432, "orders", true));
    assertThat(only(catalogue.intents()).required()).containsExactly("customer");
    AgentEntry agent = only(catalogue.agents());
    assertThat(agent.maxLifetime()).isEqualTo(Duration.ofHours(1));
    assertThat(agent.budget()).isEqualTo(Budget.OF_AN_AGENT);
    assertThat(agent.bindings()).containsExactly(Binding.PROCESS);
    assertThat(agent.tier()).isEqualTo(Tier.STANDARD);
    assertThat(only(catalogue.tools()))
        .isEqualTo(new Tool("report.build", Step.RETRIEVE, false, Optional.empty(), 50));
  }

  @Test
  void readingAloneIsNotWhatAGrantThatWritesMayBeCalled() {
    assertThat(problems(FULL.replace("[read, mark]", "[read]")))
        .containsExactly(
            "line 9: grants.orders-read.actions: says only read, and what it may do writes");
  }

  @Test
  void agentsAndGrantsHaveBudgets() {
    Catalogue catalogue =
        parse(
            FULL.replace("    lease: 90s\n", "    max-open-tasks: 7\n    max-live-credentials: 8\n")
                .replace(
                    "    max-open-tasks: 1000\n",
                    "    max-live-credentials: 2000\n    max-issues-per-minute: 3000\n"));
    assertThat(only(catalogue.grants()).budget()).isEqualTo(new Budget(7, 8, 6_000));
    assertThat(only(catalogue.agents()).budget()).isEqualTo(new Budget(100, 2000, 3000));
    assertThat(problems(FULL.replace("max-open-tasks: 1000", "max-issues-per-minute: 0")))
        .singleElement()
        .asString()
        .contains("max-issues-per-minute");
  }

  @Test
  void namesThatDoNotExistAreReportedWithTheirLines() {
    assertThat(
            problems(
                FULL.replace("target: orders", "target: order")
                    .replace("grants: [orders-read]", "grants: [orders-read, orders-write]")
                    .replace("intents: [order-report]", "intents: [report]")))
        .containsExactly(
            "line 8: grants.orders-read.target: \"order\" is not a known target (orders)",
            "line 24: agents.billing.grants: \"orders-write\" is not a known grant"
                + " (orders-read)",
            "line 25: agents.billing.intents: \"report\" is not a known intent"
                + " (order-report)");
  }

  @Test
  void anAgentWithoutOwnerOrEscalationIsRefused() {
    assertThat(problems(FULL.replaceAll(" +(owner|escalation): .*\n", "")))
        .containsExactly(
            "line 21: agents.billing.owner: is missing; it must be a text of 1 to 200 characters in"
                + " one line, without control characters",
            "line 21: agents.billing.escalation: is missing; it must be a text of 1 to 200"
                + " characters in one line, without control characters");
  }

  @Test
  void twoAgentsWithOneIdentityAreRefused() {
    String second =
        FULL.substring(FULL.indexOf("  billing:\n")).replace("  billing:\n", "  other:\n");
    assertThat(problems(FULL + second))
        .containsExactly("line 31: agents.other.spiffe-id: is agent billing's already");
  }

  @Test
  void twoAgentsWhoseIdentitiesVaultTakesForOneAreRefused() {
    String second =
        FULL.substring(FULL.indexOf("  billing:\n"))
            .replace("  billing:\n", "  other:\n")
            .replace(
                "spiffe://example.org/ns/demo/sa/billing/agent/billing\n",
                "spiffe://example.org/ns/demo/sa/billing/agent/billinG\n");
    assertThat(problems(FULL + second))
        .containsExactly(
            "line 31: agents.other.spiffe-id: differs from agent billing's in case alone: Vault"
                + " takes them for one");
  }

  /** Nobody shows such an ID, and no uid is written so: it would be waited for in vain. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "ann",
        "spiffe://example.org",
        "spiffe://example.org/human/ann/",
        "spiffe://example.org/human/../ann",
        "uid 007",
        "uid 9999999999",
        "uid",
        "0"
      })
  void anApproverWhomNobodyCanBeIsRefused(String approver) {
    assertThat(problems(approvers(approver)))
        .singleElement()
        .asString()
        .startsWith("line 23: agents.billing.approvers")
        .contains("a SPIFFE ID with a path, or uid and a number");
  }

  @Test
  void anAgentIsNobodysApprover() {
    String own = "spiffe://example.org/ns/demo/sa/billing/agent/billing";
    assertThat(problems(approvers(own)))
        .containsExactly(
            "line 23: agents.billing.approvers: " + own + " is this agent itself; name people");
    String other =
        FULL.substring(FULL.indexOf("  billing:\n"))
            .replace("  billing:\n", "  other:\n")
            .replace("agent/billing\n", "agent/other\n");
    assertThat(problems(approvers("spiffe://example.org/ns/demo/sa/billing/agent/other") + other))
        .singleElement()
        .asString()
        .startsWith("line 23: agents.billing.approvers: ")
        .endsWith("is agent other; name people");
    assertThat(CatalogueFile.parse("a test", approvers("uid 0").getBytes(UTF_8)).agents())
        .hasSize(1);
  }

  /** No door lets it in: its yes, too, would be waited for in vain. */
  @Test
  void anApproverWhoMayNotUseTheOperatorsSocketIsRefused() {
    Settings settings =
        Settings.parse("a test", approvers("uid 1000\", \"uid 0").getBytes(UTF_8), Map.of());
    ConfigException refused =
        catchThrowableOfType(
            ConfigException.class,
            () ->
                CatalogueFile.read(
                    settings, Optional.of(new ApproverDoors(Set.of(0, 64001), true))));
    assertThat(refused.problems())
        .containsExactly(
            "line 23: agents.billing.approvers: uid 1000 is not in admin.uids, which alone may use"
                + " the operators' socket: add it there, as an operator, or name a SPIFFE ID");
  }

  /** It comes over mTLS alone. */
  @Test
  void anApproverBySpiffeIdIsRefusedWhereNobodyComesByMtls() {
    String yaml = approvers("uid 0\", \"spiffe://example.org/human/ada");
    ConfigException refused =
        catchThrowableOfType(
            ConfigException.class,
            () ->
                CatalogueFile.read(
                    Settings.parse("a test", yaml.getBytes(UTF_8), Map.of()),
                    Optional.of(new ApproverDoors(Set.of(0), false))));
    assertThat(refused.problems())
        .containsExactly(
            "line 23: agents.billing.approvers: spiffe://example.org/human/ada can come by the"
                + " broker's mTLS address alone, and it has none: set listen.address, or name a uid"
                + " of admin.uids");
    assertThat(
            CatalogueFile.read(
                    Settings.parse("a test", yaml.getBytes(UTF_8), Map.of()),
                    Optional.of(new ApproverDoors(Set.of(0), true)))
                .agents())
        .hasSize(1);
  }

  private static String approvers(String approver) {
    return FULL.replace(
        "    owner: payments team\n",
        "    owner: payments team\n    approvers: [\"" + approver + "\"]\n");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "..",
        "a/b",
        "a*",
        "*",
        "a\\0b",
        "\\u0430bc",
        "A",
        "a_b",
        "a b",
        "",
        "a\\n",
        "a\\u202e",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
      })
  void aHostileNameIsRefusedWhereverItStands(String name) {
    assertThat(problems(FULL.replace("  orders:\n", "  \"" + name + "\":\n"))).isNotEmpty();
    assertThat(problems(FULL.replace("  orders-read:\n", "  \"" + name + "\":\n"))).isNotEmpty();
    assertThat(problems(FULL.replace("  billing:\n", "  \"" + name + "\":\n"))).isNotEmpty();
    assertThat(problems(FULL.replace("public.orders", '"' + name + '"'))).isNotEmpty();
    assertThat(problems(FULL.replace("public.orders", "\"public." + name + ".x\""))).isNotEmpty();
    assertThat(problems(FULL.replace("[select, update]", "[\"" + name + "\"]"))).isNotEmpty();
    assertThat(problems(FULL.replace("agent/billing\n", "agent/" + name + "//\n"))).isNotEmpty();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "spiffe://example.org",
        "spiffe://EXAMPLE.org/a",
        "spiffe://example.org/a/../b",
        "spiffe://example.org/a/",
        "http://example.org/a",
        "spiffe://ex\u0430mple.org/a",
        "x"
      })
  void aMalformedSpiffeIdIsRefused(String id) {
    assertThat(problems(FULL.replace("spiffe://example.org/ns/demo/sa/billing/agent/billing", id)))
        .singleElement()
        .asString()
        .startsWith("line 21: agents.billing.spiffe-id: ");
  }

  @ParameterizedTest
  @ValueSource(strings = {"[a-z", "(a+)+", ""})
  void aPatternThatDoesNotCompileOrCouldTakeForEverIsRefused(String pattern) {
    assertThat(problems(FULL.replace("[a-z]{1,20}", pattern)))
        .singleElement()
        .asString()
        .startsWith("line 18: intents.order-report.parameters.customer.pattern: ");
  }

  @Test
  void anEmptyListOfActionsPrivilegesOrBindingsIsRefused() {
    assertThat(
            problems(
                FULL.replace("actions: [read, mark]", "actions: []")
                    .replace("[ { on: public.orders, allow: [select, update] } ]", "[]")
                    .replace("[process, identity]", "[]")))
        .extracting(problem -> problem.substring(0, problem.indexOf(": ", 9)))
        .containsExactly(
            "line 9: grants.orders-read.actions",
            "line 14: grants.orders-read.postgres",
            "line 28: agents.billing.bindings");
  }

  @Test
  void anEmptyFileHasNoVersion() {
    assertThat(problems(""))
        .containsExactly("line 1: version: is missing; it must be a whole number from 1 to 1");
  }

  @Test
  void theSchemaForEditorsHasTheKeysThatTheReaderHas() throws IOException {
    Settings settings =
        Settings.parse(
            "catalogue.yaml",
            (withCluster(withSsh(withCertificates(UpstreamFileTest.SERVICE)))
                    + TOOLS
                    + UpstreamFileTest.UPSTREAMS)
                .getBytes(UTF_8),
            Map.of());
    assertThat(CatalogueFile.read(settings, Optional.empty())).isNotNull();
    Set<String> read =
        settings.known().keySet().stream()
            .map(key -> key.replaceAll("\\[[0-9]+]", ".*"))
            .map(key ->
                Pattern.compile("^(targets|grants|intents|agents|upstreams)\\.[a-z0-9-]+")
                    .matcher(key)
                    .replaceAll("$1.*"))
            .map(key -> key.replace("parameters.customer", "parameters.*"))
            .map(key -> key.replace("tools.report.build", "tools.*"))
            .map(
                key -> key.replaceAll("^(upstreams.*.(tools|resources|prompts))\\.[a-z_]+", "$1.*"))
            .collect(Collectors.toCollection(TreeSet::new));
    assertThat(SchemaAgreement.keysOf("/io/exeat/config/catalogue.schema.json")).isEqualTo(read);
  }

  static final String PKI =
      "{ host: api.example.org, mount: pki-shop, issuer: shop, lists: ['http://crl.example.org/a']"
          + " }";
  static final String CERTIFICATE =
      "{ names: ['clerk.example.org'], uris: ['spiffe://example.org/clerk'], key: ec-p384 }";

  private static String withCertificates(String yaml) {
    return yaml.replace(
            "targets:\n", "targets:\n  api:\n    environment: demo\n    pki: " + PKI + "\n")
        .replace(
            "grants:\n  ",
            "grants:\n  api-call:\n    target: api\n    actions: [call]\n    data-class: internal\n"
                + "    delivery: raw\n    lease: 10m\n    certificate: "
                + CERTIFICATE
                + "\n  ");
  }

  private static String withSsh(String yaml) {
    return yaml.replace(
            "targets:\n",
            """
            targets:
              hosts:
                environment: demo
                ssh: { host: host.example.org, port: 2222, mount: ssh-shop }
            """)
        .replace(
            "grants:\n",
            """
            grants:
              deploy:
                target: hosts
                actions: [deploy]
                data-class: internal
                delivery: raw
                lease: 2m
                recall: none
                ssh: { users: [web], extensions: [permit-pty], command: /bin/deploy }
            """);
  }

  /** Of nobody: its key was thrown away. */
  private static final String AUTHORITY =
      """
      -----BEGIN CERTIFICATE-----
      MIIBfDCCASGgAwIBAgIUUCGEQGGjevqsp0T94DiYkVgwFBcwCgYIKoZIzj0EAwIw
      EjEQMA4GA1UEAwwHY2x1c3RlcjAgFw0yNjExMjIyMzE3NDJaGA8yMTI2MTAyOTIz
      MTc0MlowEjEQMA4GA1UEAwwHY2x1c3RlcjBZMBMGByqGSM49AgEGCCqGSM49AwEH
      A0IABCzpkpvcaQFXwsz5FD/xbzAlMOjv61lP8ymv4SzZvWzbMFCvHBlp+gM5FWh2
      ccPT16cIz52OyDc7S7U20myP4iejUzBRMB0GA1UdDgQWBBS3y1I5Iq5cX93FbZao
      0/xqqLaURDAfBgNVHSMEGDAWgBS3y1I5Iq5cX93FbZao0/xqqLaURDAPBgNVHRMB
      Af8EBTADAQH/MAoGCCqGSM49BAMCA0kAMEYCIQDRVfs1ZTPKE7QSPeXeRid1oaUp
      TtNZYoXcvwbfdXWwtwIhALpUTu4N3A3ro9dPbliQvyJ23nLNR0KnOsSX01JqRBRn
      -----END CERTIFICATE-----
      """;

  private static String withCluster(String yaml) {
    return yaml.replace(
            "targets:\n",
            """
            targets:
              cluster:
                environment: demo
                kubernetes: { host: k8s.example.org, port: 8443, mount: kube, home: brokers, ca: "%s" }
            """
                .formatted(AUTHORITY.replace("\n", "\\n")))
        .replace(
            "grants:\n",
            """
            grants:
              pods-look:
                target: cluster
                actions: [read]
                data-class: internal
                delivery: raw
                lease: 15m
                kubernetes:
                  namespace: shop
                  rules: [{ api-groups: ["", apps], resources: [pods, deployments/scale], names: [till], verbs: [get, list] }]
              cluster-look:
                target: cluster
                actions: [read]
                data-class: internal
                kubernetes:
                  namespace: shop
                  rules: [{ api-groups: [""], resources: [services], verbs: [get] }]
            """);
  }

  @Test
  void serviceAccountsAreReadWithTheirRights() {
    Catalogue catalogue = parse(withCluster(FULL));
    Target.Kubernetes cluster =
        new Target.Kubernetes(
            "cluster", "demo", "k8s.example.org", 8443, AUTHORITY, "kube", "brokers");
    assertThat(catalogue.targets().get("cluster")).isEqualTo(cluster);
    Grant look = Objects.requireNonNull(catalogue.grants().get("pods-look"));
    assertThat(look.kind())
        .isEqualTo(
            new Grant.Kind.ServiceAccount(
                cluster,
                "shop",
                List.of(
                    new Grant.Rule(
                        List.of("", "apps"),
                        List.of("deployments/scale", "pods"),
                        List.of("till"),
                        List.of("get", "list")))));
    assertThat(look.lease()).isEqualTo(Duration.ofMinutes(15));
    Grant made = Objects.requireNonNull(catalogue.grants().get("cluster-look"));
    assertThat(made.lease()).isEqualTo(Duration.ofMinutes(10));
    assertThat(made.delivery()).isEqualTo(Grant.Delivery.PROXIED);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "lease: 15m | 'lease: 9m' | lease",
        "lease: 15m | 'lease: 61m' | lease",
        "'verbs: [get, list]' | 'verbs: [get, \"*\"]' | verbs",
        "'verbs: [get, list]' | 'verbs: [get, impersonate]' | verbs",
        "'verbs: [get, list]' | 'verbs: [get, delete]' | actions",
        "'resources: [pods, deployments/scale]' | 'resources: [\"*\"]' | resources",
        "'resources: [pods, deployments/scale]' | 'resources: [\"pods/*\"]' | resources",
        "'api-groups: [\"\", apps]' | 'api-groups: [\"*\"]' | api-groups",
        "'names: [till]' | 'names: [\"*\"]' | names",
        "'verbs: [get, list]' | 'verbs: [get, watch]' | verbs",
        "'resources: [pods, deployments/scale]' | 'resources: [pods/exec]' | resources",
        "'resources: [pods, deployments/scale]' | 'resources: [pods/log]' | resources",
        "'resources: [pods, deployments/scale]' | 'resources: [services/proxy]' | resources",
        "namespace: shop | 'namespace: \"*\"' | namespace",
        "namespace: shop | 'namespace: brokers' | namespace",
        "namespace: shop | 'namespace: kube-system' | namespace",
        "home: brokers | 'home: Brokers' | home",
        "mount: kube | 'mount: ../sys' | mount",
        "BEGIN CERTIFICATE | BEGIN NONSENSE | ca",
      })
  void whatAServiceAccountMustNotHaveIsRefusedByItsKey(String good, String bad, String key) {
    String yaml = withCluster(FULL);
    assertThat(yaml).contains(good);
    assertThat(problems(yaml.replaceFirst(Pattern.quote(good), bad == null ? "" : bad)))
        .isNotEmpty()
        .allMatch(problem -> problem.matches(".*\\." + key + "(\\[[0-9]+])?: .*"));
  }

  @Test
  void twoClustersDoNotShareAnEngine() {
    String two =
        withCluster(FULL)
            .replaceFirst(
                "targets:\n",
                """
                targets:
                  second:
                    environment: demo
                    kubernetes: { host: k9s.example.org, mount: kube, ca: "%s" }
                """
                    .formatted(AUTHORITY.replace("\n", "\\\\n")));
    assertThat(problems(two)).singleElement().asString().contains("mount", "an engine of its own");
  }

  @ParameterizedTest
  @CsvSource({
    "rbac.authorization.k8s.io, rolebindings",
    "'\"\"', serviceaccounts/token",
    "'\"\"', secrets",
    "authorization.openshift.io, rolebindings",
    "'\"\"', serviceaccounts"
  })
  void whatItMakesMustNotOutliveIt(String group, String resource) {
    String writes =
        withCluster(FULL)
            .replaceFirst(Pattern.quote("actions: [read]"), "actions: [read, write]")
            .replace(
                "api-groups: [\"\", apps], resources: [pods, deployments/scale]",
                "api-groups: [" + group + "], resources: [" + resource + "]");
    assertThat(problems(writes.replace("verbs: [get, list]", "verbs: [create]")))
        .singleElement()
        .asString()
        .contains("outlives it");
    assertThat(parse(writes)).isNotNull();
  }

  @Test
  void certificatesForSshAreReadWithTheirAuthority() {
    Catalogue catalogue = parse(withSsh(FULL));
    Target.Ssh hosts = new Target.Ssh("hosts", "demo", "host.example.org", 2222, "ssh-shop");
    assertThat(catalogue.targets().get("hosts")).isEqualTo(hosts);
    Grant deploy = Objects.requireNonNull(catalogue.grants().get("deploy"));
    assertThat(deploy.kind())
        .isEqualTo(
            new Grant.Kind.SshCertificate(
                hosts, Set.of("web"), Set.of("permit-pty"), Optional.of("/bin/deploy")));
    assertThat(deploy.lease()).isEqualTo(Duration.ofMinutes(2));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "recall: none | '' | recall",
        "lease: 2m | 'lease: 11m' | lease",
        "lease: 2m | 'lease: 9s' | lease",
        "delivery: raw | 'delivery: proxied' | delivery",
        "users: [web] | 'users: []' | users",
        "users: [web] | 'users: [\"*\"]' | users",
        "users: [web] | 'users: [\"web,root\"]' | users",
        "permit-pty | permit-everything | extensions",
        "mount: ssh-shop | 'mount: ../sys' | mount",
        "port: 2222 | 'port: 0' | port",
      })
  void whatACertificateForSshMustNotHaveIsRefusedByItsKey(String good, String bad, String key) {
    String yaml = withSsh(FULL);
    assertThat(problems(yaml.replaceFirst(Pattern.quote(good), bad == null ? "" : bad)))
        .isNotEmpty()
        .allMatch(problem -> problem.matches(".*\\." + key + "(\\[0])?: .*"));
  }

  @Test
  void onlyWhatCannotBeRecalledSaysSo() {
    String yaml =
        withCertificates(FULL).replace("    lease: 10m\n", "    lease: 10m\n    recall: none\n");
    assertThat(problems(yaml)).singleElement().asString().contains("recall", "taken back");
  }

  @Test
  void certificatesAreReadWithTheirIssuer() {
    Catalogue catalogue = parse(withCertificates(FULL));
    Target.Pki api =
        new Target.Pki(
            "api",
            "demo",
            "api.example.org",
            "pki-shop",
            "shop",
            List.of(URI.create("http://crl.example.org/a")));
    assertThat(catalogue.targets().get("api")).isEqualTo(api);
    Grant call = Objects.requireNonNull(catalogue.grants().get("api-call"));
    assertThat(call.kind())
        .isEqualTo(
            new Grant.Kind.Certificate(
                api,
                Set.of("clerk.example.org"),
                Set.of("spiffe://example.org/clerk"),
                Grant.Key.EC_P384));
    assertThat(call.lease()).isEqualTo(Duration.ofMinutes(10));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "clerk.example.org | '*.example.org' | names",
        "clerk.example.org | 'Clerk.example.org' | names",
        "clerk.example.org | 'localhost' | names",
        "spiffe://example.org/clerk | 'spiffe://example.org/*' | uris",
        "spiffe://example.org/clerk | 'spiffe://example.org/a?b' | uris",
        "ec-p384 | rsa-1024 | key",
        "pki-shop | '../sys' | mount",
        "http://crl.example.org/a | 'file:///etc/passwd' | lists",
        "lease: 10m | 'lease: 25h' | lease",
        "lease: 10m | 'lease: 59s' | lease",
      })
  void whatACertificateMustNotHaveIsRefusedByItsKey(String good, String bad, String key) {
    assertThat(problems(withCertificates(FULL).replace(good, bad)))
        .singleElement()
        .asString()
        .matches(".*\\." + key + "(\\[0])?: .*");
  }

  @Test
  void aCertificateHasANameAndALifeOfItsOwn() {
    assertThat(problems(withCertificates(FULL).replace(CERTIFICATE, "{ key: ec-p256 }")))
        .singleElement()
        .asString()
        .contains("certificate", "names or uris");
    assertThat(problems(withCertificates(FULL).replace("    lease: 10m\n", "")))
        .singleElement()
        .asString()
        .contains("api-call.lease", "from 1m to 1d");
  }

  private static <T> T only(Map<String, T> entries) {
    assertThat(entries).hasSize(1);
    return entries.values().iterator().next();
  }

  private static Catalogue parse(String yaml) {
    return CatalogueFile.parse("catalogue.yaml", yaml.getBytes(UTF_8));
  }

  private static List<String> problems(String yaml) {
    ConfigException refused = catchThrowableOfType(ConfigException.class, () -> parse(yaml));
    return refused == null ? List.of() : refused.problems();
  }
}
