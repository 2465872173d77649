package io.exeat.credential;

import static org.assertj.core.api.Assertions.assertThat;

import io.exeat.base.CredentialId;
import io.exeat.base.Epoch;
import io.exeat.base.LeaseId;
import io.exeat.base.SecretBytes;
import io.exeat.base.TaskId;
import java.time.Instant;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** What is not proven dead is counted, and nothing else. */
final class HoldingsTest {
  private final Holdings holdings = new Holdings();

  @Test
  void whatIsNotProvenDeadIsAlive() {
    Held one = keep();
    Held other = keep();
    Held last = keep();
    assertThat(holdings.alive()).containsExactlyInAnyOrder(one, other, last);

    holdings.revoking(one.id());
    holdings.revoked(other.id(), Instant.EPOCH);
    holdings.forget(last.epoch().task());

    assertThat(holdings.alive()).extracting(Held::id).containsExactly(one.id());
    assertThat(holdings.all()).extracting(Held::id).containsOnly(one.id(), other.id());
  }

  private Held keep() {
    Held held =
        new Held(
            CredentialId.random(),
            new Epoch(TaskId.random(), 1),
            "orders-read",
            "orders",
            new LeaseId("database/creds/orders-read/1"),
            "x-1",
            Held.Kind.POSTGRES_ROLE,
            Held.State.ACTIVE,
            Instant.EPOCH,
            Instant.EPOCH,
            Optional.empty());
    holdings.keep(held, SecretBytes.adopt(new byte[] {1}));
    return held;
  }
}
