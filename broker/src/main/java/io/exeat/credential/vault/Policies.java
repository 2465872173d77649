package io.exeat.credential.vault;

import io.exeat.task.AgentEntry;
import io.exeat.task.Catalogue;
import java.util.TreeMap;
import java.util.TreeSet;

/** The texts of our policies in Vault: exactly what each needs, and nothing by a pattern. */
final class Policies {
  /** Every epoch's token has it: renewing its leases, and ending itself. */
  static final String TASK_SELF = "task-self";

  /** Database role and connection of the verifier at a target. */
  static final String VERIFIER = "exeat-verifier-";

  private Policies() {}

  /** The name of a grant's policy. */
  static String of(String grant) {
    return "cred-" + Names.check("grant", grant);
  }

  static String grant(String grant) {
    return path("database/creds/" + grant, "read");
  }

  static String taskSelf() {
    return path("sys/leases/renew", "update") + path("auth/token/revoke-self", "update");
  }

  /**
   * The broker's: opening epochs of the catalogue's agents, ending and looking up, its own logins.
   */
  static String broker(Catalogue catalogue) {
    StringBuilder policy = new StringBuilder();
    for (AgentEntry agent : new TreeMap<>(catalogue.agents()).values()) {
      policy.append(
          """
          path "auth/token/create/%s" {
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
              .formatted(Names.check("agent", agent.name()), agent.id()));
    }
    for (String target : new TreeSet<>(catalogue.targets().keySet())) {
      policy.append(path("database/creds/" + VERIFIER + Names.check("target", target), "read"));
    }
    for (String path :
        new String[] {
          "auth/token/revoke-accessor",
          "auth/token/lookup-accessor",
          "auth/token/renew-self",
          "auth/token/revoke-self",
          "sys/leases/revoke",
          "sys/leases/lookup"
        }) {
      policy.append(path(path, "update"));
    }
    return policy.append(path("auth/token/lookup-self", "read")).toString();
  }

  private static String path(String path, String capability) {
    return "path \"" + path + "\" { capabilities = [\"" + capability + "\"] }\n";
  }
}
