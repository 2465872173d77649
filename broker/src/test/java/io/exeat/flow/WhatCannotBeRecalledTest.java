package io.exeat.flow;

import static io.exeat.flow.Stage.LONG;
import static io.exeat.flow.Stage.ask;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.exeat.base.TaskId;
import io.exeat.credential.Held;
import io.exeat.revoke.Receipt;
import io.exeat.task.AgentEntry;
import io.exeat.task.Budget;
import io.exeat.task.Catalogue;
import io.exeat.task.EndCause;
import io.exeat.task.Grant;
import io.exeat.task.Target;
import io.exeat.task.Task;
import java.time.Duration;
import java.time.Instant;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What nobody can take back keeps its task ending until its own end, and holds up nothing else. */
class WhatCannotBeRecalledTest {
  private static final Duration LEASE = Duration.ofMinutes(2);
  private static final String SAID = "audit credential.cannot-be-recalled";

  private final Stage stage = new Stage();
  private final List<Receipt> receipts = new CopyOnWriteArrayList<>();
  private final AgentRequests broker = stage.office.broker();

  WhatCannotBeRecalledTest() {
    stage.catalogue = withHosts(stage.catalogue);
    stage.signer =
        receipt -> {
          receipts.add(receipt);
          return "signed";
        };
  }

  @AfterEach
  void close() {
    stage.close();
  }

  @Test
  void itsTaskEndsWhenItHasAndTheRestIsDeadAtOnce() {
    TaskId task = open();
    Issued login = broker.issue(stage.billing, task, "orders-read", 0, "a");
    String password = Stage.text(login);
    Held lasting = broker.issue(stage.billing, task, "hosts-deploy", 0, "b").credential();
    Instant end = lasting.expiresAt();
    assertThat(end).isEqualTo(stage.time.now().plus(LEASE));

    TaskView ending = broker.end(stage.billing, task, EndCause.COMPLETED, "", LONG);

    assertThat(ending.task().state()).isEqualTo(Task.State.ENDING);
    assertThat(ending.pending().orElseThrow()).contains("cannot be recalled, ends at " + end);
    assertThat(stage.target.login(login.credential().principal(), password)).isFalse();
    assertThat(stateOf(ending, login.credential())).isEqualTo(Held.State.REVOKED);
    assertThat(stateOf(ending, lasting)).isEqualTo(Held.State.REVOKING);
    assertThat(Collections.frequency(stage.story, SAID)).isEqualTo(1);
    assertThat(stage.office.isIdle()).isTrue();
    assertThat(receipts).hasSize(1);

    stage.forward(LEASE);
    assertThat(broker.get(stage.billing, task).task().state()).isEqualTo(Task.State.ENDING);
    stage.forward(Duration.ofSeconds(5));
    await().until(() -> broker.get(stage.billing, task).task().state() == Task.State.ENDED);

    await().until(() -> receipts.size() == 3);
    assertThat(receipts.get(0).outcome()).isInstanceOf(Receipt.Dead.class);
    assertThat(receipts.get(1).what()).isInstanceOf(Receipt.Credential.class);
    assertThat(receipts.get(1).outcome())
        .isInstanceOfSatisfying(
            Receipt.CannotBeRecalled.class, it -> assertThat(it.endsAt()).isEqualTo(end));
    assertThat(receipts.get(2).what()).isInstanceOf(Receipt.WholeEpoch.class);
    assertThat(stage.story).doesNotContain("audit revocation.overdue");
  }

  @Test
  void itIsNotOverByOurClockAlone() {
    TaskId task = open();
    var _ = broker.issue(stage.billing, task, "hosts-deploy", 0, "b");
    var _ = broker.end(stage.billing, task, EndCause.COMPLETED, "", Duration.ZERO);
    stage.backend.clockAhead(LEASE.negated());
    stage.forward(LEASE.plusSeconds(10));
    await()
        .during(Duration.ofMillis(300))
        .until(() -> broker.get(stage.billing, task).task().state() == Task.State.ENDING);
    stage.backend.clockAhead(Duration.ZERO);
    await().until(() -> broker.get(stage.billing, task).task().state() == Task.State.ENDED);
  }

  @Test
  void aNewScopeWaitsForIt() {
    TaskId task = open();
    var _ = broker.issue(stage.billing, task, "hosts-deploy", 0, "b");
    assertThatThrownBy(
            () -> broker.changeScope(stage.billing, task, Set.of("orders-read"), 1, LONG))
        .hasMessageContaining("ScopeChanging");
    await()
        .until(() ->
            broker.get(stage.billing, task).pending().orElse("").contains("cannot be recalled"));
    assertThat(broker.get(stage.billing, task).task().state()).isEqualTo(Task.State.CHANGING);
    stage.forward(LEASE.plusSeconds(5));
    await().until(() -> broker.get(stage.billing, task).task().state() == Task.State.OPEN);
  }

  @Test
  void releasingItSaysUntilWhenItWorks() {
    TaskId task = open();
    Held lasting = broker.issue(stage.billing, task, "hosts-deploy", 0, "b").credential();
    Held released = broker.release(stage.billing, task, lasting.id(), LONG);
    assertThat(released.state()).isEqualTo(Held.State.REVOKING);
    assertThat(released.expiresAt()).isEqualTo(lasting.expiresAt());
    await().until(() -> stage.story.contains(SAID));
    var _ = broker.end(stage.billing, task, EndCause.COMPLETED, "", Duration.ZERO);
    stage.forward(LEASE.plusSeconds(5));
    await().until(() -> broker.get(stage.billing, task).task().state() == Task.State.ENDED);
    assertThat(Collections.frequency(stage.story, SAID)).isEqualTo(1);
  }

  @Test
  void whatEndedBeforeItsTaskIsSettledByItself() {
    TaskId task = open();
    var _ = broker.issue(stage.billing, task, "hosts-deploy", 0, "b");
    stage.office.sweeper().tick();
    stage.forward(LEASE.plusSeconds(6));
    stage.office.sweeper().tick();
    await().until(() -> receipts.size() == 1);
    assertThat(stage.story).doesNotContain(SAID);
    assertThat(broker.end(stage.billing, task, EndCause.COMPLETED, "", LONG).task().state())
        .isEqualTo(Task.State.ENDED);
  }

  @Test
  void aRestartWaitsForItsEndAndOpensTasksMeanwhile() {
    TaskId task = open();
    var _ = broker.issue(stage.billing, task, "hosts-deploy", 0, "b");
    stage.close();
    Stage after = new Stage(stage);
    try {
      after.catalogue = stage.catalogue;
      int left = after.office.recovery().start();
      assertThat(left).isEqualTo(1);
      Opened fresh = after.office.broker().open(after.billing, ask("again", "hosts-deploy"));
      assertThat(fresh.task().state()).isEqualTo(Task.State.OPEN);
      assertThat(after.office.broker().get(after.billing, task).task().state())
          .isEqualTo(Task.State.ENDING);
    } finally {
      after.close();
    }
  }

  private TaskId open() {
    return broker.open(stage.billing, ask("k", "orders-read", "hosts-deploy")).task().id();
  }

  private static Held.State stateOf(TaskView view, Held one) {
    return view.credentials().stream()
        .filter(held -> held.id().equals(one.id()))
        .findFirst()
        .orElseThrow()
        .state();
  }

  private static Catalogue withHosts(Catalogue from) {
    Target.Ssh hosts = new Target.Ssh("hosts", "test", "host.example.org", 22, "ssh");
    Grant deploy =
        new Grant(
            "hosts-deploy",
            "hosts",
            Set.of("read"),
            "internal",
            Set.of(),
            Grant.Delivery.RAW,
            LEASE,
            Budget.OF_A_GRANT,
            new Grant.Kind.SshCertificate(hosts, Set.of("web"), Set.of(), Optional.empty()));
    Map<String, Target> targets = new HashMap<>(from.targets());
    targets.put("hosts", hosts);
    Map<String, Grant> grants = new HashMap<>(from.grants());
    grants.put("hosts-deploy", deploy);
    Map<String, AgentEntry> agents = new HashMap<>(from.agents());
    agents.put(
        "billing",
        Stage.entry(
            "billing", Stage.BILLING, Set.of("orders-read", "orders-write", "hosts-deploy")));
    return new Catalogue(targets, grants, from.intents(), agents, from.tools());
  }
}
