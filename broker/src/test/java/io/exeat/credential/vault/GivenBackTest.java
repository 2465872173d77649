package io.exeat.credential.vault;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import io.exeat.base.LeaseId;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/** A login that cannot be given back while the target is away. */
final class GivenBackTest {
  private final AtomicInteger asked = new AtomicInteger();
  private final AtomicInteger ended = new AtomicInteger();
  private final AtomicBoolean away = new AtomicBoolean(true);

  private Runnable during = () -> {};

  private void end(LeaseId lease) {
    asked.incrementAndGet();
    if (away.get()) {
      throw new FaultException(
          new Fault.Unavailable(Fault.Dependency.TARGET, "it is away", Duration.ZERO));
    }
    ended.incrementAndGet();
  }

  @Test
  void itIsGivenBackOnceWhenTheTargetIsBack() {
    try (GivenBack logins = new GivenBack(this::end, Duration.ofMillis(2))) {
      logins.end(new LeaseId("database/creds/exeat-verifier-orders-db/1"));
      await().until(() -> asked.get() > 8); // Vault itself would have given up
      assertThat(ended.get()).isZero();
      away.set(false);
      await().until(() -> ended.get() == 1);
      int then = asked.get();
      logins.end(new LeaseId("database/creds/exeat-verifier-orders-db/2"));
      assertThat(ended.get()).isEqualTo(2);
      assertThat(asked.get()).isEqualTo(then + 1);
    }
  }

  /** The verifiers hang up as the broker stops, each behind its caller's back. */
  @Test
  void whatComesAfterTheEndOrMeanwhileMeetsNoTokenThatIsGone() {
    GivenBack logins = new GivenBack(this::endWithoutAToken, Duration.ofMillis(2));
    LeaseId lease = new LeaseId("database/creds/exeat-verifier-orders-db/1");
    assertThatThrownBy(() -> logins.end(lease)).isInstanceOf(IllegalStateException.class);
    during = logins::close;

    logins.end(lease);
    assertThat(asked).hasValue(2);
    logins.end(lease);
    assertThat(asked).hasValue(2);
  }

  private void endWithoutAToken(LeaseId lease) {
    asked.incrementAndGet();
    during.run();
    throw new IllegalStateException("the secret is gone");
  }

  @Test
  void nobodyIsAskedAfterItsEnd() {
    GivenBack logins = new GivenBack(this::end, Duration.ofMillis(2));
    logins.end(new LeaseId("database/creds/exeat-verifier-orders-db/1"));
    await().until(() -> asked.get() > 1);
    logins.close();
    int then = asked.get();
    await()
        .pollInterval(Duration.ofMillis(5))
        .during(Duration.ofMillis(50))
        .until(() -> asked.get() <= then + 1); // it may be about to ask
    assertThat(ended.get()).isZero();
  }
}
