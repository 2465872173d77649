package io.exeat.flow;

import static io.exeat.flow.Stage.LONG;
import static io.exeat.flow.Stage.ask;
import static io.exeat.flow.Stage.part;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import io.exeat.base.TaskId;
import io.exeat.task.Binding;
import io.exeat.task.EndCause;
import io.exeat.task.Task;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** A part of a task is never wider than the whole, and ends with it. */
class SubTasksTest {
  private static final Duration SHORT = Duration.ofMinutes(1);
  private final Stage stage = new Stage();
  private final AgentRequests broker = stage.office.broker();

  @AfterEach
  void close() {
    stage.close();
  }

  @Test
  void aPartHoldsCredentialsOfItsOwnAndNamesItsParent() {
    TaskId whole = open("orders-read", "orders-write");
    Task part = open(whole, SHORT, "orders-read");
    assertThat(part.parent()).contains(whole);
    Issued own = broker.issue(stage.billing, part.id(), "orders-read", 0, "c");
    broker.end(stage.billing, part.id(), EndCause.COMPLETED, "", LONG);
    assertThat(stage.target.admits(own.credential().principal())).isFalse();
    assertThat(state(whole)).isEqualTo(Task.State.OPEN);
  }

  @Test
  void aPartIsNeverWiderInAnything() {
    TaskId whole = open("orders-read");
    refused(
        new Fault.OutOfScope(whole, "orders-write"),
        () -> open(whole, SHORT, "orders-read", "orders-write"));
    assertThatThrownBy(() -> open(whole, Duration.ofMinutes(6), "orders-read"))
        .hasMessageContaining("what the parent has left");
    stage.forward(Duration.ofMinutes(4));
    assertThatThrownBy(() -> open(whole, Duration.ofMinutes(2), "orders-read"))
        .hasMessageContaining("PT1M");
    OpenTask loose = part("l", whole, SHORT, "orders-read");
    assertThatThrownBy(() -> broker.open(stage.billing, bound(loose, Binding.IDENTITY)))
        .hasMessageContaining("binding");
    assertThat(broker.open(stage.billing, bound(loose, Binding.PROCESS))).isNotNull();
  }

  @Test
  void aPartGetsNoWiderLater() {
    TaskId whole = open("orders-read");
    TaskId part = open(whole, SHORT, "orders-read").id();
    refused(
        new Fault.OutOfScope(whole, "orders-write"),
        () -> broker.changeScope(stage.billing, part, Set.of("orders-write"), 1, LONG));
    broker.changeScope(stage.billing, part, Set.of(), 1, LONG);
    broker.changeScope(stage.billing, part, Set.of("orders-read"), 2, LONG);
  }

  @Test
  void nobodyOpensAPartOfAnothersTask() {
    TaskId whole = open("orders-read");
    refused(
        new Fault.NoSuchTask(whole),
        () -> broker.open(stage.other, part("o", whole, SHORT, "orders-read")));
    refused(
        new Fault.NoSuchTask(whole),
        () ->
            broker.open(stage.attestor.process(1001, 77), part("p", whole, SHORT, "orders-read")));
  }

  @Test
  void levelsAreBounded() {
    TaskId at = open("orders-read");
    for (int level = 2; level <= 8; level++) {
      at = open(at, SHORT, "orders-read").id();
    }
    TaskId deepest = at;
    refused(
        new Fault.Exhausted("levels of sub-tasks", 8), () -> open(deepest, SHORT, "orders-read"));
  }

  @Test
  void anEndedTaskHasNoPartsAndIsEndedOnlyWhenAllOfThemAreDead() {
    TaskId whole = open("orders-read");
    TaskId part = open(whole, SHORT, "orders-read").id();
    TaskId deeper = open(part, SHORT, "orders-read").id();
    Issued issued = broker.issue(stage.billing, deeper, "orders-read", 0, "c");
    stage.target.stop();
    Task ending =
        broker.end(stage.billing, whole, EndCause.COMPLETED, "", Duration.ofMillis(100)).task();
    assertThat(ending.state()).isEqualTo(Task.State.ENDING);
    refused(
        new Fault.TaskEnded(deeper, "PARENT_ENDED"),
        () -> broker.issue(stage.billing, deeper, "orders-read", 0, "d"));
    refused(new Fault.TaskEnded(whole, "COMPLETED"), () -> open(whole, SHORT, "orders-read"));
    stage.target.start();
    await().atMost(LONG).until(() -> state(whole) == Task.State.ENDED);
    assertThat(state(part)).isEqualTo(Task.State.ENDED);
    assertThat(state(deeper)).isEqualTo(Task.State.ENDED);
    assertThat(stage.target.admits(issued.credential().principal())).isFalse();
  }

  @Test
  void whateverEndsTheWholeEndsItsParts() {
    for (Runnable cause :
        List.<Runnable>of(
            () -> {
              stage.forward(Duration.ofHours(1));
              stage.office.sweeper().tick();
            },
            () -> stage.office.endAll(EndCause.BROKER_STOPPED, ""),
            () -> stage.attestor.kill(stage.billing))) {
      TaskId whole = open("orders-read");
      TaskId part = open(whole, SHORT, "orders-read").id();
      broker.issue(stage.billing, part, "orders-read", 0, "c");
      cause.run();
      await().atMost(LONG).until(stage.office::isIdle);
      assertThat(stage.target.principals()).isEmpty();
      assertThat(part).isNotNull();
    }
  }

  @Test
  void aPartThatWouldBeWiderIsDeadBeforeTheNewEpochOpens() {
    TaskId whole = open("orders-read", "orders-write");
    TaskId writes = open(whole, SHORT, "orders-write").id();
    TaskId reads = open(whole, SHORT, "orders-read").id();
    Issued write = broker.issue(stage.billing, writes, "orders-write", 0, "c");
    stage.target.stop();
    assertThatThrownBy(() ->
            broker.changeScope(
                stage.billing, whole, Set.of("orders-read"), 1, Duration.ofMillis(50)))
        .hasMessageContaining("ScopeChanging");
    refused(
        new Fault.TaskEnded(writes, "PARENT_NARROWED"),
        () -> broker.issue(stage.billing, writes, "orders-write", 0, "d"));
    stage.target.start();
    await().atMost(LONG).until(() -> state(whole) == Task.State.OPEN);
    assertThat(state(writes)).isEqualTo(Task.State.ENDED);
    assertThat(stage.target.admits(write.credential().principal())).isFalse();
    assertThat(stage.logsIn(broker.issue(stage.billing, reads, "orders-read", 0, "e"))).isTrue();
  }

  static Stream<Long> seeds() {
    Long one = Long.getLong("exeat.seed");
    return one != null ? Stream.of(one) : LongStream.range(0, 30).boxed();
  }

  /** After each step, whoever is open is within an open parent, in scope, time and levels. */
  @ParameterizedTest(name = "seed {0}")
  @MethodSource("seeds")
  void noTreeIsEverWiderThanItsRoot(long seed) throws InterruptedException {
    Random random = new Random(seed);
    List<TaskId> all = new ArrayList<>();
    for (int step = 0; step < 120; step++) {
      List<Thread> both = new ArrayList<>();
      for (int i = 0; i < 2; i++) { // two at once, so that they race
        String key = step + "-" + i;
        Random own = new Random(random.nextLong());
        List<TaskId> known = List.copyOf(all);
        both.add(
            Thread.ofVirtual()
                .start(() -> {
                  try {
                    step(own, key, known)
                        .ifPresent(fresh -> {
                          synchronized (all) {
                            all.add(fresh);
                          }
                        });
                  } catch (FaultException refused) { // an answer as good as another
                    assertThat(refused.fault()).isNotNull();
                  }
                }));
      }
      for (Thread each : both) {
        each.join();
      }
      assertNoneIsWider();
    }
    stage.office.endAll(EndCause.OPERATOR, "");
    await().atMost(LONG).until(stage.office::isIdle);
    assertThat(stage.target.principals()).isEmpty();
    assertThat(all).hasSizeGreaterThan(10);
  }

  private Optional<TaskId> step(Random random, String key, List<TaskId> known) {
    String[] scope =
        Stream.of("orders-read", "orders-write")
            .filter(grant -> random.nextInt(3) > 0)
            .toArray(String[]::new);
    if (known.isEmpty() || random.nextInt(8) == 0) {
      return Optional.of(broker.open(stage.billing, ask(key, scope)).task().id());
    }
    TaskId any = known.get(random.nextInt(known.size()));
    switch (random.nextInt(8)) {
      case 0, 1, 2, 3 -> {
        Duration lifetime = Duration.ofSeconds(1 + random.nextInt(400));
        return Optional.of(broker.open(stage.billing, part(key, any, lifetime, scope)).task().id());
      }
      case 4 -> broker.issue(stage.billing, any, "orders-read", 0, key);
      case 5 -> broker.end(stage.billing, any, EndCause.COMPLETED, "", LONG);
      default -> {
        long epoch = broker.get(stage.billing, any).task().epoch().number();
        broker.changeScope(stage.billing, any, Set.of(scope), epoch, LONG);
      }
    }
    return Optional.empty();
  }

  private void assertNoneIsWider() {
    Map<TaskId, Task> now = new LinkedHashMap<>();
    stage.office.tasks().all().forEach(task -> now.put(task.id(), task));
    for (Task task : now.values()) {
      if (task.state() != Task.State.OPEN || task.parent().isEmpty()) {
        continue;
      }
      Task parent = now.get(task.parent().get());
      assertThat(parent).isNotNull();
      if (parent != null) {
        assertThat(parent.state()).isEqualTo(Task.State.OPEN);
        assertThat(parent.scope()).containsAll(task.scope());
        assertThat(task.deadlineTick()).isLessThanOrEqualTo(parent.deadlineTick());
        assertThat(task.deadline()).isBeforeOrEqualTo(parent.deadline());
      }
    }
    // What can log in belongs to an open task that holds the grant.
    for (String principal : stage.target.principals()) {
      assertThat(now.values())
          .anyMatch(
              task -> principal.contains(task.id().value()) && task.state() == Task.State.OPEN);
    }
  }

  private TaskId open(String... scope) {
    return broker.open(stage.billing, ask(TaskId.random().value(), scope)).task().id();
  }

  private Task open(TaskId parent, Duration lifetime, String... scope) {
    return broker
        .open(stage.billing, part(TaskId.random().value(), parent, lifetime, scope))
        .task();
  }

  private Task.State state(TaskId id) {
    return stage.office.tasks().find(id).orElseThrow().state();
  }

  private static OpenTask bound(OpenTask ask, Binding binding) {
    return new OpenTask(
        ask.intent(),
        ask.scope(),
        ask.lifetime(),
        ask.note(),
        ask.idempotencyKey() + binding,
        binding,
        ask.parent(),
        Optional.empty());
  }

  private static void refused(Fault fault, ThrowingCallable call) {
    assertThatThrownBy(call)
        .isInstanceOfSatisfying(FaultException.class, e -> assertThat(e.fault()).isEqualTo(fault));
  }
}
