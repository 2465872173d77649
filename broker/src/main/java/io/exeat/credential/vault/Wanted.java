package io.exeat.credential.vault;

import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import io.exeat.task.AgentEntry;
import io.exeat.task.Catalogue;
import io.exeat.task.Grant;
import io.exeat.task.Target;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;

/**
 * What should be in Vault for a catalogue: the configuration that was tested on the real server.
 */
final class Wanted {
  /** So that a token asked for a task's whole life is not cut, which Vault would warn of. */
  private static final Duration SLACK = Duration.ofMinutes(5);

  private static final Duration VERIFIER_TTL = Duration.ofHours(1);

  /** Names what is lent after its epoch, at databases and clusters alike. */
  static final String LENT_NAME =
      "{{ printf \"x-%s-%s\" (.DisplayName | replace \"token-\" \"\") (random 12 | lowercase) }}";

  static final String VERIFIER_NAME = "{{ printf \"exeat-verifier-%s\" (random 12 | lowercase) }}";

  private final VaultSettings vault;
  private final SetupSettings setup;
  private final Catalogue catalogue;

  Wanted(VaultSettings vault, SetupSettings setup, Catalogue catalogue) {
    this.vault = vault;
    this.setup = setup;
    this.catalogue = catalogue;
    for (String name : catalogue.targets().keySet()) {
      if (Names.check("target", name).startsWith("exeat-")) {
        throw new FaultException(
            new Fault.Malformed("catalogue.targets", "names beginning with exeat- are ours"));
      }
    }
    if (setup.sessionLife().compareTo(longest(catalogue.agents().values())) <= 0) {
      throw new FaultException(
          new Fault.Malformed("setup.session-life", "not longer than the longest task"));
    }
  }

  /** In the order in which they can be written. */
  List<Item> items() {
    List<Item> items = new ArrayList<>();
    items.add(jwtConfig());
    items.add(policy(vault.role(), Policies.broker(catalogue)));
    items.add(policy(Policies.TASK_SELF, Policies.taskSelf()));
    items.add(brokerRole());
    for (Target target : new TreeMap<>(catalogue.targets()).values()) {
      switch (target) {
        case Target.Postgres postgres -> items.addAll(target(postgres));
        case Target.Kubernetes cluster ->
            items.add(AccountRole.verifier(Policies.VERIFIER + cluster.name(), cluster));
        // Authorities are made by people; nothing is lent at a service.
        case Target.Pki _, Target.Ssh _, Target.Service _ -> {}
      }
    }
    for (Grant grant : new TreeMap<>(catalogue.grants()).values()) {
      if (!grant.lends()) {
        continue;
      }
      items.add(policy(Policies.of(grant.name()), Policies.grant(grant)));
      items.add(grantRole(grant));
    }
    return items;
  }

  /** To be written once their agents' entities are there. */
  List<Item> tokenRoles() {
    return new TreeMap<>(catalogue.agents()).values().stream().map(this::tokenRole).toList();
  }

  private Item jwtConfig() {
    Map<String, Object> fields = new TreeMap<>();
    fields.put("jwt_supported_algs", Set.of("ES256", "RS256"));
    switch (setup.keys()) {
      case SetupSettings.JwtKeys.Url url -> {
        fields.put("jwks_url", url.jwks().toString());
        url.caPem().ifPresent(pem -> fields.put("jwks_ca_pem", pem));
      }
      case SetupSettings.JwtKeys.Discovery discovery -> {
        fields.put("oidc_discovery_url", discovery.issuer().toString());
        fields.put("bound_issuer", discovery.issuer().toString());
        discovery.caPem().ifPresent(pem -> fields.put("oidc_discovery_ca_pem", pem));
      }
      case SetupSettings.JwtKeys.Pem pem -> fields.put("jwt_validation_pubkeys", pem.keys());
    }
    return new Item("auth/" + vault.mount() + "/config", fields);
  }

  private Item brokerRole() {
    return new Item(
        "auth/" + vault.mount() + "/role/" + vault.role(),
        Map.ofEntries(
            Map.entry("role_type", "jwt"),
            Map.entry("user_claim", "sub"),
            Map.entry("bound_subject", setup.broker().toString()),
            Map.entry("bound_audiences", Set.of(vault.audience())),
            Map.entry("clock_skew_leeway", Duration.ofSeconds(10)),
            Map.entry("token_policies", Set.of(vault.role())),
            Map.entry("token_no_default_policy", true),
            Map.entry("token_type", "service"),
            Map.entry("token_ttl", vault.sessionTtl()),
            Map.entry("token_max_ttl", setup.sessionLife()),
            Map.entry("token_explicit_max_ttl", setup.sessionLife()),
            Map.entry("token_strictly_bind_ip", setup.bindIp())));
  }

  private Item tokenRole(AgentEntry agent) {
    Set<String> policies =
        agent.grants().stream()
            .filter(name ->
                Optional.ofNullable(catalogue.grants().get(name)).map(Grant::lends).orElse(true))
            .map(Policies::of)
            .collect(Collectors.toCollection(TreeSet::new));
    policies.add(Policies.TASK_SELF);
    return new Item(
        "auth/token/roles/" + Names.check("agent", agent.name()),
        Map.of(
            "allowed_policies",
            policies,
            "allowed_policies_glob",
            Set.of(),
            "allowed_entity_aliases",
            Set.of(agent.id().toString()),
            "orphan",
            false,
            "renewable",
            false,
            "token_type",
            "service",
            "token_no_default_policy",
            true,
            "token_period",
            Duration.ZERO,
            "token_explicit_max_ttl",
            agent.maxLifetime().plus(SLACK)));
  }

  private List<Item> target(Target.Postgres target) {
    String verifier = Policies.VERIFIER + target.name();
    Set<String> grants =
        catalogue.grants().values().stream()
            .filter(grant -> grant.target().equals(target.name()))
            .map(Grant::name)
            .collect(Collectors.toCollection(TreeSet::new));
    return List.of(
        connection(target.name(), target, grants, LENT_NAME),
        connection(verifier, target, Set.of(verifier), VERIFIER_NAME),
        databaseRole(
            verifier, verifier, DatabaseSql.createVerifier(target), VERIFIER_TTL, VERIFIER_TTL));
  }

  private Item connection(String name, Target.Postgres target, Set<String> roles, String template) {
    SetupSettings.Admin admin = setup.admins().get(target.name());
    if (admin == null) {
      throw new FaultException(
          new Fault.Malformed("setup.admins", "no account for the target " + target.name()));
    }
    Map<String, Object> fields = new TreeMap<>();
    fields.put("plugin_name", "postgresql-database-plugin");
    fields.put("allowed_roles", roles);
    fields.put(
        "connection_url",
        "postgresql://{{username}}:{{password}}@%s:%d/%s?sslmode=%s&connect_timeout=3%s"
            .formatted(
                target.host(),
                target.port(),
                target.database(),
                target.tls() ? "verify-full" : "disable",
                admin.ca().filter(ca -> target.tls()).map(ca -> "&sslrootcert=" + ca).orElse("")));
    fields.put("username", admin.username());
    fields.put("password", admin.password().read(b -> new String(b, StandardCharsets.UTF_8)));
    fields.put("username_template", template);
    return new Item("database/config/" + name, fields, Set.of("password"));
  }

  private Item grantRole(Grant grant) {
    return switch (grant.kind()) {
      case Grant.Kind.Nothing _ ->
          throw new IllegalArgumentException(grant.name() + " lends nothing");
      case Grant.Kind.Postgres kind -> loginRole(grant, kind);
      case Grant.Kind.Certificate kind -> CertificateRole.of(grant, kind);
      case Grant.Kind.SshCertificate kind -> SshRole.of(grant, kind);
      case Grant.Kind.ServiceAccount kind -> AccountRole.of(grant, kind);
    };
  }

  private Item loginRole(Grant grant, Grant.Kind.Postgres kind) {
    Duration most =
        longest(
                catalogue.agents().values().stream()
                    .filter(agent -> agent.grants().contains(grant.name()))
                    .toList())
            .plus(SLACK);
    if (!(catalogue.targets().get(grant.target()) instanceof Target.Postgres postgres)) {
      throw new FaultException(
          new Fault.Malformed("catalogue.grants", grant.name() + " has no target"));
    }
    return databaseRole(
        grant.name(), grant.target(), DatabaseSql.create(kind, postgres), grant.lease(), most);
  }

  private static Item databaseRole(
      String name, String connection, List<String> create, Duration ttl, Duration most) {
    return new Item(
        "database/roles/" + Names.check("grant", name),
        Map.of(
            "db_name",
            connection,
            "creation_statements",
            create,
            "revocation_statements",
            DatabaseSql.END,
            "renew_statements",
            DatabaseSql.RENEW,
            "default_ttl",
            ttl,
            "max_ttl",
            most.compareTo(ttl) < 0 ? ttl : most));
  }

  private static Item policy(String name, String text) {
    return new Item("sys/policies/acl/" + name, Map.of("policy", text));
  }

  private static Duration longest(Iterable<AgentEntry> agents) {
    Duration longest = Duration.ZERO;
    for (AgentEntry agent : agents) {
      longest =
          List.of(longest, agent.maxLifetime()).stream()
              .max(Comparator.naturalOrder())
              .orElse(longest);
    }
    return longest;
  }
}
