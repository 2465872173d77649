package io.exeat.flow;

import static java.util.concurrent.TimeUnit.SECONDS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import io.exeat.audit.AuditEvent;
import io.exeat.base.Epoch;
import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import io.exeat.base.TaskId;
import io.exeat.policy.Act;
import io.exeat.policy.Action;
import io.exeat.policy.Arguments;
import io.exeat.policy.Decision;
import io.exeat.policy.Door;
import io.exeat.policy.History;
import io.exeat.policy.PolicyEngine;
import io.exeat.policy.PolicyEngines;
import io.exeat.task.EndCause;
import io.exeat.task.Task;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What a proxy is given, and when it is cut off. */
class UsesTest {
  private final Stage stage = new Stage();
  private final AgentRequests broker = stage.office.broker();
  private final ProxyRequests uses = stage.office.uses();

  @AfterEach
  void close() {
    stage.close();
  }

  @Test
  void theCredentialComesToTheProxyAndNeverToTheAgent() {
    TaskId task = open("hidden");
    Use use = uses.use(stage.billing, task, act("hidden"));
    assertThat(use.isPermitted()).isTrue();
    assertThat(stage.logsIn(use.credential().orElseThrow())).isTrue();
    assertThatThrownBy(() -> broker.issue(stage.billing, task, "hidden", 1, "key-0000000000000001"))
        .hasMessageContaining("only used through a proxy");
  }

  @Test
  void theDecisionIsOnRecordBeforeAnythingIsLent() {
    TaskId task = open("hidden");
    stage.story.clear();
    uses.use(stage.billing, task, act("hidden")).close();
    assertThat(stage.story).containsSubsequence("audit policy.decided", "audit credential.issued");
    stage.audit.breakDown("disk full");
    assertThatThrownBy(() -> uses.use(stage.billing, task, act("hidden")))
        .hasMessageContaining("AUDIT");
  }

  @Test
  void theHashOfTheAnswerIsOnRecordWithItsDecision() {
    TaskId task = open("hidden");
    Use use = uses.use(stage.billing, task, act("hidden"));
    use.answered("ab12");
    var event = new AuditEvent.Answered(use.judged().id(), task, "ab12");
    assertThat(stage.audit.events()).contains(event);
  }

  @Test
  void whatADoorRefusesIsOnRecordSomeAMinuteOfAUser() throws Exception {
    int before = refusals().size();
    Fault fault = new Fault.Malformed("message", "is no JSON");
    for (int pid = 1; pid <= 1_000; pid++) {
      uses.refused(stage.attestor.process(1001, pid), Optional.empty(), fault);
    }
    uses.refused(stage.other, Optional.empty(), fault); // who is not drowned by that
    for (int i = 0; i < 1_000 && !refusals().toString().contains("uid 1002"); i++) {
      Thread.sleep(10);
    }
    assertThat(refusals().toString()).contains("uid 1002", "uid 1001 pid 1,", "is no JSON");
    assertThat(refusals()).hasSizeBetween(before + 2, before + 2 + Refusals.EACH_A_MINUTE);
  }

  private List<AuditEvent> refusals() {
    return stage.audit.events().stream().filter(AuditEvent.Refused.class::isInstance).toList();
  }

  @Test
  void whatActsWereGivenAndGaveIsPartOfTheNextQuestion() {
    TaskId task = open("hidden");
    List<String> arguments = new ArrayList<>();
    for (int i = 0; i < 10; i++) {
      Arguments given = Arguments.of(JsonNodeFactory.instance.objectNode().put("n", i));
      arguments.add(given.sha256());
      Use use = uses.use(stage.billing, task, act("hidden", given));
      if (i != 8) { // the one before the last is never answered
        use.answered("ab1" + i);
        use.answered("second"); // the first answer counts
      }
      use.close();
    }
    uses.use(stage.billing, task, act("hidden")).close();
    assertThat(HistoryTest.lastQuestion(stage, "history"))
        .contains("\"arguments\":[\"" + String.join("\",\"", arguments.subList(2, 10)) + "\"]")
        .contains(
            "\"results\":[\"ab12\",\"ab13\",\"ab14\",\"ab15\",\"ab16\",\"ab17\",\"\",\"ab19\"]");
  }

  @Test
  void allActsOfAnEpochShareOneCredential() throws Exception {
    TaskId task = open("hidden");
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Future<String>> all =
          IntStream.range(0, 50)
              .mapToObj(i ->
                  threads.submit(() ->
                      uses.use(stage.billing, task, act("hidden"))
                          .credential()
                          .orElseThrow()
                          .credential()
                          .principal()))
              .toList();
      Set<String> principals = new java.util.HashSet<>();
      for (Future<String> each : all) {
        principals.add(each.get(10, SECONDS));
      }
      assertThat(principals).hasSize(1);
    }
  }

  @Test
  void theProxyIsToldAtOnceWhenTheTaskEnds() throws Exception {
    TaskId task = open("hidden");
    Use use = uses.use(stage.billing, task, act("hidden"));
    CompletableFuture<Fault> told = new CompletableFuture<>();
    use.whenEnded(told::complete);
    assertThat(use.ended()).isEmpty();
    broker.end(stage.billing, task, EndCause.COMPLETED, "", Stage.LONG);
    assertThat(told.get(10, SECONDS)).isEqualTo(new Fault.TaskEnded(task, "COMPLETED"));
    assertThat(use.ended()).isPresent();
    assertThat(stage.target.login(use.credential().orElseThrow().credential().principal(), "x"))
        .isFalse();
    assertThatThrownBy(() -> uses.use(stage.billing, task, act("hidden")))
        .isInstanceOf(FaultException.class)
        .hasMessageContaining("TaskEnded");
  }

  @Test
  void aNewEpochHasANewCredentialAndTheOldOneIsCutOffBeforeItOpens() throws Exception {
    TaskId task = open("hidden");
    Use old = uses.use(stage.billing, task, act("hidden"));
    CompletableFuture<Fault> told = new CompletableFuture<>();
    old.whenEnded(told::complete);
    broker.changeScope(stage.billing, task, Set.of("hidden", "orders-read"), 1, Stage.LONG);
    assertThat(told.get(10, SECONDS)).isEqualTo(new Fault.EpochClosed(task, 1, 2));
    Use fresh = uses.use(stage.billing, task, act("hidden"));
    assertThat(fresh.ended()).isEmpty();
    assertThat(fresh.epoch().number()).isEqualTo(2);
    assertThat(fresh.credential().orElseThrow().credential().id())
        .isNotEqualTo(old.credential().orElseThrow().credential().id());
  }

  @Test
  void anActThatCameTooLateForItsEpochIsUnderWayNoMore() throws Exception {
    TaskId task = open("hidden");
    PolicyEngine shipped = stage.policy;
    CompletableFuture<TaskView> changed = new CompletableFuture<>();
    stage.policy =
        Stage.says(question -> {
          stage.policy = shipped;
          Set<String> scope = Set.of("hidden", "orders-read");
          Thread.startVirtualThread(() ->
              changed.complete(broker.changeScope(stage.billing, task, scope, 1, Stage.LONG)));
          await()
              .until(() -> broker.get(stage.billing, task).task().state() == Task.State.CHANGING);
          return shipped.decide(question);
        });
    assertThatThrownBy(() -> uses.use(stage.billing, task, act("hidden")))
        .hasMessageContaining("EpochClosed");
    assertThat(changed.get(10, SECONDS).task().epoch().number()).isEqualTo(2);
    uses.use(stage.billing, task, act("hidden")).close();
    assertThat(HistoryTest.lastQuestion(stage, "history"))
        .contains("\"calls\":1", "\"branches\":0"); // it was permitted, and is over
  }

  @Test
  void aReleasedCredentialIsCutOffAndReplaced() throws Exception {
    TaskId task = open("hidden");
    Use use = uses.use(stage.billing, task, act("hidden"));
    CompletableFuture<Fault> told = new CompletableFuture<>();
    use.whenEnded(told::complete);
    var id = use.credential().orElseThrow().credential().id();
    broker.release(stage.billing, task, id, Stage.LONG);
    assertThat(told.get(10, SECONDS)).isEqualTo(new Fault.NoSuchCredential(id));
    Use fresh = uses.use(stage.billing, task, act("hidden"));
    assertThat(stage.logsIn(fresh.credential().orElseThrow())).isTrue();
  }

  @Test
  void anUnknownActIsRefusedAndForeseenAsDenied() {
    TaskId task = open("hidden");
    assertThatThrownBy(() -> uses.use(stage.billing, task, act("orders-read")))
        .hasMessageContaining("OutOfScope");
    assertThat(uses.foresee(stage.billing, task, List.of(act("hidden"), act("orders-read"))))
        .extracting(Decision::word)
        .containsExactly("permit", "deny");
  }

  @Test
  void whatWeLookAtByOurselvesIsNoRequestOfTheAgents() throws Exception {
    TaskId task = open("hidden");
    List<Act> acts = List.of(act("hidden"), act("orders-read"));
    int recorded = stage.audit.events().size();
    long counted = counted();
    assertThat(foreseen(task, acts)).containsExactly("permit", "deny");

    stage.attestor.away(true);
    assertThat(foreseen(task, acts)).containsExactly("permit", "deny"); // it is known who that is
    stage.attestor.forget();
    assertThat(uses.foreseeUnasked(stage.billing, task, acts)).isEmpty();
    stage.attestor.away(false);
    assertThat(foreseen(task, acts)).containsExactly("permit", "deny");
    assertThat(uses.foreseeUnasked(stage.other, task, acts)).isEmpty(); // it is another's
    assertThat(uses.foreseeUnasked(stage.billing, TaskId.random(), acts)).isEmpty();

    assertThat(counted()).isEqualTo(counted);
    // What comes after it is on record, and so would be what came before.
    assertThatThrownBy(() -> uses.foresee(stage.other, task, acts))
        .hasMessageContaining("NoSuchTask");
    await().until(() -> stage.audit.events().size() > recorded);
    assertThat(stage.audit.events().subList(recorded, stage.audit.events().size()))
        .singleElement()
        .isInstanceOfSatisfying(
            AuditEvent.Refused.class, it -> assertThat(it.method()).isEqualTo("Proxy.Foresee"));
    stage.attestor.kill(stage.billing);
    assertThat(uses.foreseeUnasked(stage.billing, task, acts)).isEmpty();
  }

  private List<String> foreseen(TaskId task, List<Act> acts) {
    return uses.foreseeUnasked(stage.billing, task, acts).orElseThrow().stream()
        .map(Decision::word)
        .toList();
  }

  /** Refusals in the figures. */
  private long counted() {
    return stage.office.readings().refused().values().stream().mapToLong(it -> it).sum();
  }

  @Test
  void whereForeseeingFailsElsewhereNothingMoreIsAskedAndAnEndDoesNotWaitForIt() throws Exception {
    TaskId task = open("hidden");
    List<Act> acts = List.of(act("hidden"), act("hidden"), act("hidden"));
    AtomicInteger asked = new AtomicInteger();
    stage.policy =
        Stage.says(_ -> {
          asked.incrementAndGet();
          return new Decision.Failed("it is late", "p");
        });
    assertThat(uses.foresee(stage.billing, task, acts))
        .extracting(Decision::word)
        .containsExactly("failed", "failed", "failed");
    assertThat(asked).hasValue(3); // here each answer is its own, and comes at once
    stage.policyIsHere = false;
    asked.set(0);
    assertThat(uses.foresee(stage.billing, task, acts))
        .extracting(Decision::word)
        .containsExactly("failed", "failed", "failed");
    assertThat(asked).hasValue(1);
    BlockingQueue<Decision> answers = new SynchronousQueue<>();
    stage.policy =
        Stage.says(_ -> {
          asked.incrementAndGet();
          try {
            return answers.take();
          } catch (InterruptedException e) {
            throw new IllegalStateException(e);
          }
        });
    asked.set(0);
    CompletableFuture<List<Decision>> foreseen =
        CompletableFuture.supplyAsync(() -> uses.foresee(stage.billing, task, acts));
    await().until(() -> asked.get() == 1);
    CompletableFuture<TaskView> ended =
        CompletableFuture.supplyAsync(
            () -> broker.end(stage.billing, task, EndCause.COMPLETED, "", Stage.LONG));
    await().until(() -> uses.standing(task).isEmpty());
    assertThat(answers.offer(new Decision.Permit(List.of(), "p"), 10, SECONDS)).isTrue();
    assertThat(ended.get(10, SECONDS).task().state()).isEqualTo(Task.State.ENDED);
    assertThatThrownBy(foreseen::join).hasMessageContaining("TaskEnded");
    assertThat(asked).hasValue(1);
  }

  @Test
  void whatItsArgumentsDecideIsForeseenAsPermittedUnlessTheyAreKnown() {
    TaskId task = open("hidden");
    stage.policy =
        PolicyEngines.of(
            """
            @id("all") permit (principal, action, resource);
            @id("limit") forbid (principal, action in
              [Exeat::Action::"call", Exeat::Action::"read"], resource)
            unless { context.numbers.hasTag("amount") && context.numbers.getTag("amount") <= 1000 };
            """);
    Act open = Act.under("hidden", Action.CALL, Arguments.NONE, Door.MCP);
    Act given =
        Act.under(
            "hidden",
            Action.CALL,
            Arguments.of(JsonNodeFactory.instance.objectNode().put("amount", 1001)),
            Door.MCP);
    Act reading = Act.under("hidden", Action.READ, Arguments.NONE, Door.MCP);
    assertThat(uses.foresee(stage.billing, task, List.of(open, given, reading)))
        .extracting(Decision::word)
        .containsExactly("permit", "deny", "deny");
    assertThat(uses.use(stage.billing, task, open).isPermitted()).isFalse(); // it has none
  }

  @Test
  void aLookIsOnRecordAndNotPartOfWhatTheTaskDid() {
    TaskId task = open("hidden");
    stage.story.clear();
    uses.look(stage.billing, task, act("hidden")).close();
    assertThat(stage.story).contains("audit policy.decided");
    uses.use(stage.billing, task, act("hidden")).close();
    assertThat(HistoryTest.lastQuestion(stage, "history")).contains("\"calls\":0");
  }

  @Test
  void howATaskStandsIsAnotherThingOnceItDidSomethingOrChangedAndIsNotOnRecord() {
    TaskId task = open("hidden");
    Standing before = uses.standing(task).orElseThrow();
    assertThat(before).isEqualTo(new Standing(new Epoch(task, 1), true, History.NONE));
    uses.use(stage.billing, task, act("hidden")).close();
    Standing after = uses.standing(task).orElseThrow();
    assertThat(after.history().calls()).isEqualTo(1);
    int recorded = stage.audit.events().size();
    assertThat(uses.standing(task)).contains(after);
    assertThat(stage.audit.events()).hasSize(recorded);
    broker.changeScope(stage.billing, task, Set.of("hidden"), 1, Stage.LONG);
    assertThat(uses.standing(task).orElseThrow().epoch()).isEqualTo(new Epoch(task, 2));
    broker.end(stage.billing, task, EndCause.COMPLETED, "", Stage.LONG);
    assertThat(uses.standing(task)).isEmpty();
    assertThat(uses.standing(TaskId.random())).isEmpty();
  }

  @Test
  void withoutANameTheOnlyTaskIsMeant() {
    assertThatThrownBy(() -> uses.meant(stage.billing, Optional.empty()))
        .hasMessageContaining("no open task");
    TaskId task = open("hidden");
    assertThat(uses.meant(stage.billing, Optional.empty())).isEqualTo(task);
    open("orders-read");
    assertThatThrownBy(() -> uses.meant(stage.billing, Optional.empty()))
        .hasMessageContaining("several");
    assertThat(uses.meant(stage.billing, Optional.of(task))).isEqualTo(task);
    assertThatThrownBy(() -> uses.meant(stage.other, Optional.of(task)))
        .hasMessageContaining("NoSuchTask");
  }

  private TaskId open(String grant) {
    return broker.open(stage.billing, Stage.ask("key-" + grant + "-0000000000", grant)).task().id();
  }

  private static Act act(String grant) {
    return act(grant, Arguments.NONE);
  }

  private static Act act(String grant, Arguments arguments) {
    return Act.under(grant, Action.CONNECT, arguments, Door.MCP);
  }
}
