package io.exeat.it.bench;

import io.exeat.base.Epoch;
import io.exeat.base.TaskId;
import io.exeat.it.environment.OpenBao;
import io.exeat.it.environment.Stage;
import java.util.List;
import java.util.Map;

/**
 * The floor: the same calls to OpenBao, made directly on one kept connection, by a token with the
 * same rights.
 */
final class Direct {
  private final OpenBao vault;
  private final String broker;

  /** What was lent: the token's accessor and the lease. */
  record Lent(String accessor, String lease) {}

  Direct(Stage stage) {
    this.vault = stage.vault();
    this.broker =
        require(
                vault.call(
                    "POST",
                    "auth/token/create",
                    Map.of(
                        "policies",
                        List.of(stage.development().role()),
                        "no_default_policy",
                        true,
                        "ttl",
                        "1h")))
            .auth()
            .path("client_token")
            .asText();
  }

  /** A child token for an agent, and a credential under it. */
  Lent lend() {
    Epoch epoch = new Epoch(TaskId.random(), 1);
    OpenBao.Reply token =
        require(
            vault.call(
                "POST",
                "auth/token/create/clerk",
                Map.of(
                    "entity_alias", Stage.AGENT.toString(),
                    "policies", List.of("task-self", "cred-" + Stage.READ),
                    "meta", Map.of("task_id", epoch.task().value()),
                    "ttl", "300s",
                    "display_name", epoch.label()),
                broker));
    OpenBao.Reply lease =
        require(
            vault.call(
                "GET",
                "database/creds/" + Stage.READ,
                Map.of(),
                token.auth().path("client_token").asText()));
    return new Lent(token.auth().path("accessor").asText(), lease.body().path("lease_id").asText());
  }

  /** Both ended, as far as OpenBao says. */
  OpenBao.Reply end(Lent lent) {
    var _ =
        require(
            vault.call(
                "POST", "auth/token/revoke-accessor", Map.of("accessor", lent.accessor()), broker));
    return require(
        vault.call(
            "POST", "sys/leases/revoke", Map.of("lease_id", lent.lease(), "sync", true), broker));
  }

  private static OpenBao.Reply require(OpenBao.Reply reply) {
    if (reply.status() >= 300) {
      throw new IllegalStateException("OpenBao said " + reply);
    }
    return reply;
  }
}
