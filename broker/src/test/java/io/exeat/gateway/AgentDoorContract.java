package io.exeat.gateway;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.awaitility.Awaitility.await;

import io.exeat.base.CredentialId;
import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import io.exeat.base.TaskId;
import io.exeat.gateway.grpc.UnixFixture;
import io.exeat.task.TaskEvent.Kind;
import io.exeat.v1.CancelRequest;
import io.exeat.v1.ChangeScopeRequest;
import io.exeat.v1.CheckRequest;
import io.exeat.v1.CheckResponse;
import io.exeat.v1.CheckResponse.Verdict;
import io.exeat.v1.CompleteRequest;
import io.exeat.v1.Credential;
import io.exeat.v1.DecisionsGrpc;
import io.exeat.v1.GetRequest;
import io.exeat.v1.IssueRequest;
import io.exeat.v1.ReleaseRequest;
import io.exeat.v1.Task;
import io.exeat.v1.TaskEvent;
import io.exeat.v1.TaskState;
import io.exeat.v1.WatchRequest;
import io.grpc.CallOptions;
import io.grpc.ClientCall;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.ClientCalls;
import io.grpc.stub.MetadataUtils;
import io.grpc.stub.StreamObserver;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;

/** What an agent sees at its door, whichever form is behind it. */
public abstract class AgentDoorContract {

  /** A connection to the door. */
  protected abstract ManagedChannel agent();

  /** What answers at last. */
  protected abstract FakeFlow flow();

  protected static GetRequest get(TaskId task) {
    return GetRequest.newBuilder().setTaskId(task.value()).build();
  }

  protected static StatusRuntimeException refused(Runnable call) {
    return catchThrowableOfType(StatusRuntimeException.class, call::run);
  }

  private static WatchRequest watch(TaskId task) {
    return WatchRequest.newBuilder().setTaskId(task.value()).build();
  }

  private static CompleteRequest complete(TaskId task) {
    return CompleteRequest.newBuilder().setTaskId(task.value()).build();
  }

  @Test
  void everyMethodReachesTheFlowAndItsAnswerTheAgent() {
    ManagedChannel channel = agent();
    Task opened = UnixFixture.tasks(channel).open(UnixFixture.open("k").build());
    TaskId task = new TaskId(opened.getId());

    assertThat(UnixFixture.tasks(channel).get(get(task)).getParametersMap())
        .isEqualTo(opened.getParametersMap());
    Credential credential =
        UnixFixture.credentials(channel)
            .issue(
                IssueRequest.newBuilder()
                    .setTaskId(task.value())
                    .setGrant("orders-read")
                    .setIdempotencyKey("k")
                    .build());
    assertThat(credential.getDatabase().getPassword()).isEqualTo(FakeFlow.PASSWORD);
    String other = CredentialId.random().value();
    assertThat(
            UnixFixture.credentials(channel)
                .release(
                    ReleaseRequest.newBuilder()
                        .setTaskId(task.value())
                        .setCredentialId(other)
                        .build())
                .getCredentialId())
        .isEqualTo(other);
    var _ =
        UnixFixture.tasks(channel)
            .changeScope(
                ChangeScopeRequest.newBuilder().setTaskId(task.value()).setEpoch(1).build());
    assertThat(UnixFixture.tasks(channel).complete(complete(task)).getState())
        .isEqualTo(TaskState.TASK_STATE_ENDED);
    var _ =
        UnixFixture.tasks(channel)
            .cancel(CancelRequest.newBuilder().setTaskId(task.value()).build());
    // Behind a relay the key is the process's own.
    assertThat(flow().calls.getFirst()).startsWith("open refund ");
    assertThat(flow().calls.stream().skip(1))
        .containsExactly(
            "get",
            "issue orders-read k",
            "release",
            "changeScope 1",
            "end COMPLETED " + task,
            "end CANCELLED " + task);
  }

  @Test
  void aWatcherSeesEventsInOrderUntilTheEnd() {
    ManagedChannel channel = agent();
    TaskId task = UnixFixture.opened(channel, "k");
    Iterator<TaskEvent> events = UnixFixture.tasks(channel).watch(watch(task));
    assertThat(events.next().hasSnapshot()).isTrue();

    for (int i = 0; i < 5; i++) {
      flow().happened(task, Kind.EXPIRY_WARNING);
      assertThat(events.next().hasExpiryWarning()).isTrue();
    }
    var _ = UnixFixture.tasks(channel).complete(complete(task));

    assertThat(events.next().hasEnded()).isTrue();
    assertThat(events.hasNext()).isFalse();
  }

  @Test
  void aWatcherThatGoesIsForgotten() {
    ManagedChannel channel = agent();
    TaskId task = UnixFixture.opened(channel, "k");
    Iterator<TaskEvent> events = UnixFixture.tasks(channel).watch(watch(task));
    assertThat(events.next().hasSnapshot()).isTrue();

    channel.shutdownNow();

    await().untilAsserted(() -> assertThat(flow().watchers.get(task)).isEmpty());
  }

  @Test
  void aRefusalComesWithItsDetailsAndItsRequest() {
    ManagedChannel channel = agent();
    TaskId task = UnixFixture.opened(channel, "k");
    flow().failure = new FaultException(new Fault.EpochClosed(task, 1, 2));

    StatusRuntimeException refused = refused(() -> UnixFixture.tasks(channel).get(get(task)));

    assertThat(refused.getStatus().getCode()).isEqualTo(Status.Code.ABORTED);
    assertThat(UnixFixture.info(refused).getReason()).isEqualTo("EPOCH_CLOSED");
    assertThat(UnixFixture.info(refused).getMetadataMap())
        .containsEntry("current", "2")
        .containsEntry("task_id", task.value());
    assertThat(UnixFixture.requestId(refused)).isEqualTo(flow().requests.getLast());
  }

  @Test
  void aGoodAnswerNamesItsRequestToo() {
    AtomicReference<Metadata> headers = new AtomicReference<>();
    AtomicReference<Metadata> trailers = new AtomicReference<>();

    var _ =
        UnixFixture.tasks(agent())
            .withInterceptors(MetadataUtils.newCaptureMetadataInterceptor(headers, trailers))
            .open(UnixFixture.open("k").build());

    assertThat(
            trailers
                .get()
                .get(Metadata.Key.of("exeat-request-id", Metadata.ASCII_STRING_MARSHALLER)))
        .isEqualTo(flow().requests.getFirst());
  }

  @Test
  void badInputIsNamedByItsField() {
    StatusRuntimeException refused =
        refused(() -> UnixFixture.tasks(agent()).open(UnixFixture.open("").build()));

    assertThat(refused.getStatus().getCode()).isEqualTo(Status.Code.INVALID_ARGUMENT);
    assertThat(UnixFixture.info(refused).getMetadataOrThrow("field")).isEqualTo("idempotency_key");
    assertThat(flow().calls).isEmpty();
  }

  @Test
  void aTaskThatIsUnknownIsSaidToBe() {
    TaskId unknown = TaskId.random();

    StatusRuntimeException refused = refused(() -> UnixFixture.tasks(agent()).get(get(unknown)));

    assertThat(UnixFixture.info(refused).getReason()).isEqualTo("NO_SUCH_TASK");
  }

  @Test
  void aDeadlineReachesTheFlow() {
    ManagedChannel channel = agent();
    TaskId task = UnixFixture.opened(channel, "k");

    var _ =
        UnixFixture.tasks(channel)
            .withDeadlineAfter(Duration.ofSeconds(3))
            .complete(complete(task));

    assertThat(flow().waits.getFirst()).isLessThan(Duration.ofSeconds(3));
  }

  private static CheckRequest check(TaskId task, String tool) {
    return CheckRequest.newBuilder().setTaskId(task.value()).setTool(tool).build();
  }

  private static DecisionsGrpc.DecisionsBlockingStub decisions(ManagedChannel channel) {
    return DecisionsGrpc.newBlockingStub(channel).withDeadlineAfter(10, TimeUnit.SECONDS);
  }

  private static final CheckResponse PERMIT =
      CheckResponse.newBuilder()
          .setVerdict(Verdict.VERDICT_PERMIT)
          .setDecisionId("d00000000000000000001")
          .addBecause("fake (agent.tier)")
          .setPolicySha256("ab")
          .build();

  private static final CheckResponse DENY =
      PERMIT.toBuilder().setVerdict(Verdict.VERDICT_DENY).setReason("never").build();

  @Test
  void aCheckIsAnsweredWithWhatPolicySaid() {
    ManagedChannel channel = agent();
    TaskId task = UnixFixture.opened(channel, "k");

    assertThat(decisions(channel).check(check(task, "search"))).isEqualTo(PERMIT);
    assertThat(decisions(channel).check(check(task, "no"))).isEqualTo(DENY);
    assertThat(flow().calls.stream().skip(1)).containsExactly("judge call search", "judge call no");
  }

  @Test
  void aCheckOfATaskThatIsNotTheCallersSaysThatThereIsNone() {
    StatusRuntimeException refused =
        refused(() -> decisions(agent()).check(check(TaskId.random(), "search")));

    assertThat(UnixFixture.info(refused).getReason()).isEqualTo("NO_SUCH_TASK");
  }

  @Test
  void aCheckThatWasNotRecordedIsAFault() {
    ManagedChannel channel = agent();
    TaskId task = UnixFixture.opened(channel, "k");
    flow().failure =
        new FaultException(
            new Fault.Unavailable(Fault.Dependency.AUDIT, "the disk is full", Duration.ZERO));

    StatusRuntimeException refused = refused(() -> decisions(channel).check(check(task, "search")));

    assertThat(refused.getStatus().getCode()).isEqualTo(Status.Code.UNAVAILABLE);
    assertThat(UnixFixture.info(refused).getMetadataOrThrow("dependency")).isEqualTo("AUDIT");
  }

  @Test
  void manyChecksOverOneStreamAreAnsweredInTheirOrder() {
    ManagedChannel channel = agent();
    TaskId task = UnixFixture.opened(channel, "k");

    Answers answers =
        checkAll(
            channel,
            List.of(check(task, "a"), check(task, "no"), check(task, "b"), check(task, "c")));

    assertThat(answers.end().isOk()).isTrue();
    assertThat(answers.seen).containsExactly(PERMIT, DENY, PERMIT, PERMIT);
    assertThat(flow().calls.stream().skip(1))
        .containsExactly("judge call a", "judge call no", "judge call b", "judge call c");
  }

  @Test
  void aStreamOfChecksEndsWithTheFirstErrorAndNothingAfterItIsDecided() {
    ManagedChannel channel = agent();
    TaskId task = UnixFixture.opened(channel, "k");

    for (CheckRequest wrong : List.of(check(task, "no tool"), check(TaskId.random(), "b"))) {
      flow().calls.clear();
      Answers answers = checkAll(channel, List.of(check(task, "a"), wrong, check(task, "never")));

      StatusRuntimeException refused = answers.end().asRuntimeException(answers.trailers());
      assertThat(UnixFixture.info(refused).getReason()).isIn("MALFORMED", "NO_SUCH_TASK");
      assertThat(UnixFixture.requestId(refused)).startsWith("r");
      assertThat(answers.seen).containsExactly(PERMIT);
      assertThat(flow().calls).doesNotContain("judge call never");
    }
  }

  /** Else an agent could fill the broker's memory with answers that it does not read. */
  @Test
  void whoDoesNotReadTheAnswersOfAStreamGetsNoMoreDecisions() throws InterruptedException {
    ManagedChannel channel = agent();
    TaskId task = UnixFixture.opened(channel, "k");
    ClientCall<CheckRequest, CheckResponse> call =
        channel.newCall(DecisionsGrpc.getCheckAllMethod(), CallOptions.DEFAULT);
    call.start(new ClientCall.Listener<>() {}, new Metadata());

    for (int i = 0; i < 20_000; i++) {
      call.sendMessage(check(task, "a"));
    }
    int before;
    do {
      before = flow().calls.size();
      Thread.sleep(500);
    } while (flow().calls.size() > before);

    assertThat(before).isBetween(10, 15_000);
    call.cancel("seen", null);
  }

  /** What came back on a stream, and its end. */
  private static final class Answers implements StreamObserver<CheckResponse> {
    final List<CheckResponse> seen = new ArrayList<>();
    private final CompletableFuture<Throwable> end = new CompletableFuture<>();

    @Override
    public void onNext(CheckResponse answer) {
      seen.add(answer);
    }

    @Override
    public void onError(Throwable thrown) {
      end.complete(thrown);
    }

    @Override
    public void onCompleted() {
      end.complete(Status.OK.asException());
    }

    Status end() {
      return Status.fromThrowable(end.orTimeout(20, TimeUnit.SECONDS).join());
    }

    Metadata trailers() {
      return java.util.Objects.requireNonNull(Status.trailersFromThrowable(end.join()));
    }
  }

  private static Answers checkAll(ManagedChannel channel, List<CheckRequest> requests) {
    Answers answers = new Answers();
    StreamObserver<CheckRequest> asking =
        ClientCalls.asyncBidiStreamingCall(
            channel.newCall(
                DecisionsGrpc.getCheckAllMethod(),
                CallOptions.DEFAULT.withDeadlineAfter(20, TimeUnit.SECONDS)),
            answers);
    requests.forEach(asking::onNext);
    asking.onCompleted();
    return answers;
  }
}
