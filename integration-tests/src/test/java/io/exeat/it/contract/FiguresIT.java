package io.exeat.it.contract;

import static org.assertj.core.api.Assertions.assertThat;

import io.exeat.base.Epoch;
import io.exeat.base.TaskId;
import io.exeat.credential.EpochToken;
import io.exeat.credential.Lent;
import io.exeat.it.environment.OpenBao;
import io.exeat.revoke.TargetVerifier.Mark;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/**
 * The exchange against the same calls made directly, alternately on the same servers. Printed, with
 * a wide bound.
 */
final class FiguresIT {
  private static final int ROUNDS = Integer.getInteger("exeat.figures.rounds", 60);
  private static final int WARM = 15;

  private final Exchange exchange = Exchange.begin();
  private final OpenBao bao = exchange.real.bao;
  private final Map<String, List<Long>> micros = new java.util.LinkedHashMap<>();

  @AfterEach
  void closeIt() {
    exchange.close();
  }

  @Test
  void theExchangeCostsLittleMoreThanItsCalls() {
    String jwt = exchange.real.identity.jwt("vault", Duration.ofSeconds(1));
    String broker =
        bao.call("POST", "auth/spiffe/login", Map.of("role", "exeat-broker", "jwt", jwt), "")
            .auth()
            .path("client_token")
            .asText();
    for (int round = -WARM; round < ROUNDS; round++) {
      boolean counts = round >= 0;
      direct(broker, counts);
      ours(counts);
    }
    micros.forEach((name, all) -> {
      all.sort(null);
      System.out.printf(
          "figure: %-28s p50 %6.2f ms  p95 %6.2f ms%n",
          name, all.get(all.size() / 2) / 1000.0, all.get(all.size() * 95 / 100) / 1000.0);
    });
    assertThat(median("ours: open + issue")).isLessThan(2 * median("direct: create + creds"));
  }

  private void direct(String broker, boolean counts) {
    Epoch epoch = new Epoch(TaskId.random(), 1);
    OpenBao.Reply[] lent = new OpenBao.Reply[2];
    timed(
        "direct: create + creds",
        counts,
        () -> {
          lent[0] =
              bao.call(
                  "POST",
                  "auth/token/create/orders-agent",
                  Map.of(
                      "entity_alias", Exchange.AGENT.id().toString(),
                      "policies", List.of("task-self", "cred-orders-read"),
                      "meta", Map.of("task_id", epoch.task().value()),
                      "ttl", "5m",
                      "display_name", epoch.label()),
                  broker);
          lent[1] =
              bao.call(
                  "GET",
                  "database/creds/orders-read",
                  Map.of(),
                  lent[0].auth().path("client_token").asText());
          return lent;
        });
    timed(
        "direct: accessor + sync revoke",
        counts,
        () -> {
          var _ =
              bao.call(
                  "POST",
                  "auth/token/revoke-accessor",
                  Map.of("accessor", lent[0].auth().path("accessor").asText()),
                  broker);
          return bao.call(
              "POST",
              "sys/leases/revoke",
              Map.of("lease_id", lent[1].body().path("lease_id").asText(), "sync", true),
              broker);
        });
  }

  private void ours(boolean counts) {
    EpochToken[] token = new EpochToken[1];
    Lent lent =
        timed(
            "ours: open + issue",
            counts,
            () -> {
              token[0] = exchange.open(Exchange.READ);
              return exchange.backend.issue(token[0], Exchange.READ);
            });
    Mark mark = new Mark(token[0].epoch(), Optional.empty());
    timed("ours: shut", counts, () -> run(() -> exchange.verifier.shut(mark)));
    timed(
        "ours: token + lease",
        counts,
        () ->
            run(() -> {
              exchange.backend.endToken(token[0].accessor());
              exchange.backend.endLease(lent.lease());
            }));
    assertThat(timed("ours: look", counts, () -> exchange.verifier.look(mark)).dead()).isTrue();
  }

  private static boolean run(Runnable body) {
    body.run();
    return true;
  }

  private <T> T timed(String name, boolean counts, Supplier<T> body) {
    long begun = System.nanoTime();
    T result = body.get();
    if (counts) {
      micros
          .computeIfAbsent(name, key -> new ArrayList<>())
          .add((System.nanoTime() - begun) / 1000);
    }
    return result;
  }

  private long median(String name) {
    List<Long> all = micros.getOrDefault(name, List.of(0L));
    return all.get(all.size() / 2);
  }
}
