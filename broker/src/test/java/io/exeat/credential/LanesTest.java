package io.exeat.credential;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.exeat.base.Accessor;
import io.exeat.base.Epoch;
import io.exeat.base.TaskId;
import io.exeat.base.Time;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;

/** A backend in lanes is a backend, and a full lane stands in no other's way. */
final class LanesTest extends SecretsBackendContract {
  private final InMemoryTarget target = new InMemoryTarget();
  private final InMemoryBackend memory =
      new InMemoryBackend(
          new Time(Clock.systemUTC(), System::nanoTime),
          target,
          new SessionLog() {
            @Override
            public void opened(Accessor session) {}

            @Override
            public void ended(Accessor session) {}
          });
  private final Map<String, CompletableFuture<Void>> held = new ConcurrentHashMap<>();
  private final Map<String, AtomicInteger> inside = new ConcurrentHashMap<>();
  private final Lanes lanes = new Lanes(slow(memory));

  /** As {@code real}; calls of a method that is held do not come back before it is let go. */
  private SecretsBackend slow(SecretsBackend real) {
    return (SecretsBackend)
        Proxy.newProxyInstance(
            SecretsBackend.class.getClassLoader(),
            new Class<?>[] {SecretsBackend.class},
            (_, method, arguments) -> {
              CompletableFuture<Void> until = held.get(method.getName());
              if (until != null) {
                inside
                    .computeIfAbsent(method.getName(), _ -> new AtomicInteger())
                    .incrementAndGet();
                until.join();
              }
              try {
                return method.invoke(real, arguments);
              } catch (InvocationTargetException e) {
                throw e.getCause();
              }
            });
  }

  @Override
  protected RevocationLists lists() {
    return memory;
  }

  @Override
  protected SecretsBackend backend() {
    return lanes;
  }

  @Override
  protected boolean logsIn(String principal, String password) {
    return target.login(principal, password);
  }

  @Override
  protected List<String> principals() {
    return target.principals();
  }

  @Override
  protected void stopTarget() {
    target.stop();
  }

  @Override
  protected void startTarget() {
    target.start();
  }

  @Test
  void whatEndsDoesNotWaitForWhatLendsAndRenews() throws Exception {
    EpochToken token = open(READ);
    Lent lent = lanes.issue(token, READ);
    held.put("issue", new CompletableFuture<>());
    held.put("renew", new CompletableFuture<>());
    List<CompletableFuture<?>> storm = new ArrayList<>();
    for (int i = 0; i < 50; i++) {
      storm.add(later(() -> lanes.issue(token, READ)));
      storm.add(later(() -> lanes.renew(token, lent.lease(), Duration.ofSeconds(60))));
    }
    await().until(() -> count("issue") == Lanes.LENDING_TO_ONE && count("renew") == Lanes.RENEWING);
    // While both lanes are full, and others wait before them.
    later(
            () -> {
              lanes.endLease(lent.lease());
              lanes.endToken(token.accessor());
              return lanes.tokenGone(token.accessor()) && lanes.leaseGone(lent.lease());
            })
        .get(2, TimeUnit.SECONDS);
    assertThat(target.principals()).isEmpty();
    assertThat(count("issue")).isEqualTo(Lanes.LENDING_TO_ONE);
    assertThat(count("renew")).isEqualTo(Lanes.RENEWING);
    held.values().forEach(each -> each.complete(null));
    storm.forEach(each -> each.exceptionally(_ -> null).join());
  }

  @Test
  void manyEndAtATimeAndNotAllOfThem() {
    held.put("endToken", new CompletableFuture<>());
    List<CompletableFuture<?>> all = new ArrayList<>();
    for (int i = 0; i < 200; i++) {
      Accessor accessor = new Accessor(new Epoch(TaskId.random(), 1).label());
      all.add(
          later(() -> {
            lanes.endToken(accessor);
            return true;
          }));
    }
    await().until(() -> count("endToken") == Lanes.ENDING);
    assertThat(all).noneMatch(CompletableFuture::isDone);
    held.get("endToken").complete(null);
    all.forEach(CompletableFuture::join);
  }

  private int count(String method) {
    return inside.getOrDefault(method, new AtomicInteger()).get();
  }

  private static <T> CompletableFuture<T> later(Supplier<T> call) {
    return CompletableFuture.supplyAsync(call, Thread.ofVirtual()::start);
  }
}
