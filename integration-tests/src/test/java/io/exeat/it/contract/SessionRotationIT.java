package io.exeat.it.contract;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.exeat.base.Accessor;
import io.exeat.base.Epoch;
import io.exeat.base.FaultException;
import io.exeat.credential.EpochToken;
import io.exeat.credential.Lent;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Sessions that Vault ends for good after a short while, and what hangs on them. */
final class SessionRotationIT {
  private static final Duration TTL = Duration.ofSeconds(5);
  private static final Duration LIFE = Duration.ofSeconds(16);

  /** A machine with other work. */
  private static final Duration LATE = Duration.ofSeconds(8);

  private final Exchange exchange = Exchange.withSessionsOf(TTL, LIFE);
  private final Map<Epoch, Long> warned = new ConcurrentHashMap<>();
  private final Map<Epoch, Long> lost = new ConcurrentHashMap<>();

  @AfterEach
  void closeIt() {
    exchange.close();
  }

  @Test
  void anOldSessionIsKeptForItsEpochsAsFarAsVaultPermitsAndNewOnesLiveOn() {
    exchange.backend.onLost(epochs -> epochs.forEach(it -> lost.put(it, System.nanoTime())));
    exchange.backend.onExpiring(epochs -> epochs.forEach(it -> warned.put(it, System.nanoTime())));
    EpochToken old = exchange.open(Exchange.READ);
    Lent oldLent = exchange.backend.issue(old, Exchange.READ);
    final long begun = System.nanoTime();
    await().atMost(LIFE.dividedBy(2).plus(LATE)).until(() -> exchange.opened.size() == 2);
    EpochToken young = exchange.open(Exchange.READ);
    Lent youngLent = exchange.backend.issue(young, Exchange.READ);
    assertThat(exchange.ended).isEmpty();

    // The old one goes on: it is renewed, and lends.
    Lent again = exchange.backend.issue(old, Exchange.READ);
    assertThat(exchange.roles(old.epoch()))
        .containsExactlyInAnyOrder(oldLent.principal(), again.principal());

    // Until Vault permits no more: warned of first, then told, and everything of it is gone.
    await().atMost(LIFE.plus(LATE)).until(() -> lost.containsKey(old.epoch()));
    assertThat(warned).containsKey(old.epoch());
    assertThat(lost.getOrDefault(old.epoch(), 0L) - warned.getOrDefault(old.epoch(), 0L))
        .isPositive();
    assertThat(Duration.ofNanos(lost.getOrDefault(old.epoch(), 0L) - begun))
        .isBetween(LIFE.minus(LATE), LIFE.plus(LATE));
    await().atMost(LATE).until(() -> exchange.roles(old.epoch()).isEmpty());
    await().atMost(LATE).until(() -> exchange.ended.contains(exchange.opened.getFirst()));
    assertThatThrownBy(() -> exchange.backend.issue(old, Exchange.READ))
        .isInstanceOf(FaultException.class);

    assertThat(exchange.roles(young.epoch())).containsExactly(youngLent.principal());
    assertThat(exchange.backend.issue(young, Exchange.READ)).isNotNull();
    assertThat(lost).containsOnlyKeys(old.epoch());
  }

  @Test
  void anOldSessionEndsWithItsLastEpoch() {
    EpochToken old = exchange.open(Exchange.READ);
    await().atMost(LIFE.dividedBy(2).plus(LATE)).until(() -> exchange.opened.size() == 2);
    Accessor first = exchange.opened.getFirst();
    assertThat(exchange.ended).isEmpty();
    exchange.backend.endToken(old.accessor());
    await().atMost(Duration.ofSeconds(3)).until(() -> exchange.ended.contains(first));
    assertThat(exchange.backend.tokenGone(first)).isTrue();
  }

  /** What is opened while a session is replaced belongs to one that lives. */
  @Test
  void opensThroughManyRotationsAllLive() throws InterruptedException {
    AtomicBoolean stop = new AtomicBoolean();
    List<Throwable> failures = new CopyOnWriteArrayList<>();
    Set<Epoch> died = ConcurrentHashMap.newKeySet();
    exchange.backend.onLost(died::addAll);
    List<Thread> agents = new CopyOnWriteArrayList<>();
    for (int i = 0; i < 3; i++) {
      agents.add(
          Thread.ofVirtual()
              .start(() -> {
                while (!stop.get()) {
                  try {
                    EpochToken token = exchange.open(Exchange.READ);
                    exchange.backend.issue(token, Exchange.READ);
                    exchange.backend.endToken(token.accessor());
                  } catch (RuntimeException e) {
                    failures.add(e);
                  }
                }
              }));
    }
    await().atMost(LIFE.multipliedBy(2)).until(() -> exchange.opened.size() >= 3);
    stop.set(true);
    for (Thread agent : agents) {
      agent.join(Duration.ofSeconds(10));
    }
    assertThat(failures).isEmpty();
    assertThat(died).isEmpty();
    // All but the last are ended, and written down as such.
    int all = exchange.opened.size();
    await().atMost(LATE).until(() -> exchange.ended.size() >= all - 1);
    assertThat(exchange.opened).containsAll(exchange.ended);
  }
}
