package io.exeat.credential.vault;

import io.exeat.task.AgentEntry;
import io.exeat.task.Catalogue;
import io.exeat.task.Grant;
import io.exeat.task.Target;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/** The texts of our policies in Vault: exactly what each needs, and nothing by a pattern. */
final class Policies {
  /** Every epoch's token has it: renewing its leases, and ending itself. */
  static final String TASK_SELF = "task-self";

  /** Database role and connection of the verifier at a target. */
  static final String VERIFIER = "exeat-verifier-";

  /** Where a token asks what it may do itself; it tells of nobody else. */
  static final String OWN_RIGHTS = "sys/capabilities-self";

  private Policies() {}

  /** The name of a grant's policy. */
  static String of(String grant) {
    return "cred-" + Names.check("grant", grant);
  }

  /** Where an agent's entity is. */
  static String entity(String agent) {
    return "identity/entity/name/" + Names.check("agent", agent);
  }

  static String grant(Grant grant) {
    return switch (grant.kind()) {
      case Grant.Kind.SshCertificate it -> SshRole.policy(issuing(grant), it);
      case Grant.Kind.ServiceAccount it -> AccountRole.policy(issuing(grant), it);
      case Grant.Kind.Postgres _, Grant.Kind.Certificate _, Grant.Kind.Nothing _ ->
          path(issuing(grant), capability(grant));
    };
  }

  static String taskSelf() {
    return text(selfRights());
  }

  /** What an epoch's token must be able to do: one capability for each path. */
  static Map<String, String> epochRights(Collection<Grant> grants) {
    Map<String, String> rights = selfRights();
    grants.forEach(grant -> rights.put(issuing(grant), capability(grant)));
    return rights;
  }

  private static Map<String, String> selfRights() {
    Map<String, String> rights = new TreeMap<>();
    for (String path : List.of("sys/leases/renew", "auth/token/revoke-self", OWN_RIGHTS)) {
      rights.put(path, "update");
    }
    return rights;
  }

  /**
   * The broker's: opening epochs of the catalogue's agents, disabling these and nothing else of
   * them, ending and looking up, its own logins.
   */
  static String broker(Catalogue catalogue) {
    StringBuilder policy = new StringBuilder();
    Map<String, String> others = brokerRights(catalogue);
    for (AgentEntry agent : new TreeMap<>(catalogue.agents()).values()) {
      var _ = others.remove(create(agent));
      var _ = others.remove(entity(agent.name()));
      policy.append(
          """
          path "%s" {
            capabilities = ["update"]
            required_parameters = ["entity_alias", "policies", "meta", "ttl", "display_name"]
            allowed_parameters = {
              "entity_alias" = ["%s"]
              "policies" = []
              "meta" = []
              "ttl" = []
              "display_name" = []
            }
          }
          """
              .formatted(create(agent), agent.id()));
      policy.append(
          """
          path "%s" {
            capabilities = ["update"]
            required_parameters = ["disabled"]
            allowed_parameters = { "disabled" = [] }
          }
          """
              .formatted(entity(agent.name())));
    }
    return policy.append(text(others)).toString();
  }

  /** What the broker's own token must be able to do: one capability for each path. */
  static Map<String, String> brokerRights(Catalogue catalogue) {
    Map<String, String> rights = new TreeMap<>();
    for (AgentEntry agent : catalogue.agents().values()) {
      rights.put(create(agent), "update");
      rights.put(entity(agent.name()), "update");
    }
    for (Target target : catalogue.targets().values()) {
      verifying(target)
          .ifPresent(
              path -> rights.put(path, target instanceof Target.Postgres ? "read" : "update"));
    }
    for (String path :
        List.of(
            "auth/token/revoke-accessor",
            "auth/token/lookup-accessor",
            "auth/token/renew-self",
            "auth/token/revoke-self",
            "sys/leases/revoke",
            "sys/leases/lookup",
            OWN_RIGHTS)) {
      rights.put(path, "update");
    }
    rights.put("auth/token/lookup-self", "read");
    return rights;
  }

  private static String create(AgentEntry agent) {
    return "auth/token/create/" + Names.check("agent", agent.name());
  }

  /** Where a grant's credential is lent. */
  static String issuing(Grant grant) {
    String role = Names.check("grant", grant.name());
    return switch (grant.kind()) {
      case Grant.Kind.Postgres _ -> credentials(role);
      case Grant.Kind.Certificate it -> Names.check("mount", it.at().mount()) + "/sign/" + role;
      case Grant.Kind.SshCertificate it -> Names.check("mount", it.at().mount()) + "/sign/" + role;
      case Grant.Kind.ServiceAccount it -> Names.check("mount", it.at().mount()) + "/creds/" + role;
      case Grant.Kind.Nothing _ ->
          throw new IllegalArgumentException(grant.name() + " lends nothing");
    };
  }

  /** Where the verifier's own login at a target is lent, if it needs one. */
  static Optional<String> verifying(Target target) {
    String role = VERIFIER + Names.check("target", target.name());
    return switch (target) {
      case Target.Postgres _ -> Optional.of(credentials(role));
      case Target.Kubernetes it -> Optional.of(Names.check("mount", it.mount()) + "/creds/" + role);
      case Target.Pki _, Target.Ssh _, Target.Service _ -> Optional.empty();
    };
  }

  private static String capability(Grant grant) {
    return grant.kind() instanceof Grant.Kind.Postgres ? "read" : "update";
  }

  /** Where a login of a database role is lent. */
  static String credentials(String role) {
    return "database/creds/" + role;
  }

  private static String text(Map<String, String> rights) {
    StringBuilder policy = new StringBuilder();
    rights.forEach((path, capability) -> policy.append(path(path, capability)));
    return policy.toString();
  }

  private static String path(String path, String capability) {
    return "path \"" + path + "\" { capabilities = [\"" + capability + "\"] }\n";
  }
}
