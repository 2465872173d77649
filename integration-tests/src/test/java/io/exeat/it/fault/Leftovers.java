package io.exeat.it.fault;

import static org.awaitility.Awaitility.await;

import io.exeat.it.environment.OpenBao;
import io.exeat.it.environment.Outside;
import io.exeat.it.environment.Stage;
import java.time.Duration;
import java.util.List;
import java.util.Map;

/** Ends what a broken broker has left, as operator and superuser, so that nobody meets it. */
final class Leftovers {
  private static final List<String> LENT =
      List.of("database/creds/orders-read", "database/creds/orders-write", "pki/sign/orders-tls");

  private static final String VERIFIER = "database/creds/exeat-verifier-orders-db";

  private Leftovers() {}

  /**
   * Ends what brokers that were killed had lent to themselves. Vault does when their sessions end;
   * while the database is away it gives up on it, and nobody is left to ask again.
   */
  static void endLoginsOfVerifiers(Stage stage) {
    OpenBao.Reply reply =
        stage.vault().call("PUT", "sys/leases/revoke-prefix/" + VERIFIER, Map.of());
    if (reply.status() >= 300) {
      throw new IllegalStateException("OpenBao said " + reply);
    }
  }

  static void end(Stage stage) {
    try (Outside outside = new Outside(stage)) {
      await()
          .atMost(Duration.ofSeconds(30))
          .pollInterval(Duration.ofMillis(200))
          .untilAsserted(() -> {
            for (String path : LENT) {
              var _ = stage.vault().call("PUT", "sys/leases/revoke-prefix/" + path, Map.of());
            }
            stage
                .postgres()
                .execute(
                    Stage.DATABASE,
                    """
                    SELECT pg_terminate_backend(a.pid) FROM pg_stat_activity a
                      LEFT JOIN pg_roles r ON r.oid = a.usesysid
                     WHERE a.usesysid IS NOT NULL AND (r.oid IS NULL OR r.rolname LIKE 'x-t%');
                    SET ROLE vaultadmin;
                    SELECT exeat.end_role(rolname) FROM pg_roles WHERE rolname LIKE 'x-t%';
                    """);
            outside.requireNothingLent();
          });
    }
  }
}
