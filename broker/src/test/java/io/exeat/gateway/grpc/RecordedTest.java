package io.exeat.gateway.grpc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import com.google.common.util.concurrent.ListenableFuture;
import io.exeat.attest.WouldWaits;
import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import io.exeat.base.RequestId;
import io.exeat.base.TaskId;
import io.exeat.flow.Judged;
import io.exeat.flow.Judging;
import io.exeat.v1.CheckRequest;
import io.exeat.v1.CheckResponse;
import io.exeat.v1.CheckResponse.Verdict;
import io.exeat.v1.DecisionsGrpc;
import io.exeat.v1.GetRequest;
import io.exeat.v1.WatchRequest;
import io.grpc.Context;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.StreamObserver;
import io.netty.channel.DefaultEventLoop;
import io.netty.util.concurrent.ScheduledFuture;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.jspecify.annotations.NullMarked;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Decisions on the event loop of a connection, whose records are on their way to the disk. */
@NullMarked
@SuppressWarnings("NullAway.Init") // JUnit sets these
final class RecordedTest {
  private UnixFixture fixture;
  private ManagedChannel channel;
  private TaskId task;

  @BeforeEach
  void begin() throws Exception {
    fixture = new UnixFixture();
    fixture.agents();
    channel = fixture.channel();
    task = UnixFixture.opened(channel, "k"); // attested with it
  }

  @AfterEach
  void end() {
    fixture.close();
  }

  private ListenableFuture<CheckResponse> ask(String arguments) {
    return DecisionsGrpc.newFutureStub(channel)
        .check(
            CheckRequest.newBuilder()
                .setTaskId(task.value())
                .setTool("search")
                .setArgumentsJson(arguments)
                .build());
  }

  @Test
  void theLoopServesOthersWhileARecordIsOnItsWay() throws Exception {
    fixture.flow.recorded = new CompletableFuture<>();
    ListenableFuture<CheckResponse> asked = ask("{}");
    await().until(() -> fixture.flow.calls.contains("judge call search"));

    var _ = UnixFixture.tasks(channel).get(GetRequest.newBuilder().setTaskId(task.value()).build());
    assertThat(asked.isDone()).isFalse();
    fixture.flow.recorded.complete(null);

    assertThat(asked.get(5, TimeUnit.SECONDS).getVerdict()).isEqualTo(Verdict.VERDICT_PERMIT);
    assertThat(fixture.flow.threads).containsExactly("virtual", "loop", "loop");
  }

  /** As many as wait for their records: the loop has other connections, and more get threads. */
  @Test
  void soManyWaitOnTheLoopAndOthersAreServedMeanwhile() throws Exception {
    fixture.flow.recorded = new CompletableFuture<>();
    List<ListenableFuture<CheckResponse>> asked =
        IntStream.range(0, 90).mapToObj(_ -> ask("{}")).toList();
    await().until(() -> fixture.flow.calls.size() == 91);

    List<String> threads = fixture.flow.threads.subList(1, 91);
    assertThat(threads.stream().filter("loop"::equals)).hasSize(64);
    ManagedChannel other = fixture.channel();
    assertThat(UnixFixture.opened(other, "other")).isNotNull();
    assertThat(asked).noneMatch(ListenableFuture::isDone);

    fixture.flow.recorded.complete(null);
    for (var each : asked) {
      assertThat(each.get(5, TimeUnit.SECONDS).getVerdict()).isEqualTo(Verdict.VERDICT_PERMIT);
    }
    assertThat(ask("{}").get(5, TimeUnit.SECONDS).getVerdict()).isEqualTo(Verdict.VERDICT_PERMIT);
    assertThat(fixture.flow.threads.getLast()).isEqualTo("loop"); // those that were have left
  }

  @Test
  void aRecordThatFailsIsAFault() {
    fixture.flow.recorded = new CompletableFuture<>();
    ListenableFuture<CheckResponse> asked = ask("{}");
    await().until(() -> fixture.flow.calls.contains("judge call search"));

    fixture.flow.recorded.completeExceptionally(
        new FaultException(
            new Fault.Unavailable(Fault.Dependency.AUDIT, "the disk is full", Duration.ZERO)));

    assertThatThrownBy(() -> asked.get(5, TimeUnit.SECONDS))
        .isInstanceOf(ExecutionException.class)
        .hasMessageContaining("UNAVAILABLE");
  }

  @Test
  void aRecordThatNeverComesIsAFaultToo() {
    fixture.flow.recorded = new CompletableFuture<>();
    ListenableFuture<CheckResponse> asked = ask("{}");

    assertThatThrownBy(() -> asked.get(30, TimeUnit.SECONDS))
        .isInstanceOf(ExecutionException.class)
        .hasMessageContaining("UNAVAILABLE");
    fixture.flow.recorded.complete(null); // is not answered a second time, and harms nobody
    var get = GetRequest.newBuilder().setTaskId(task.value()).build();
    assertThat(UnixFixture.tasks(channel).get(get).getId()).isEqualTo(task.value());
  }

  /** On the loop, on a thread, in a stream, and in a call that is none of these. */
  @Test
  void whatOverflowsIsTheBrokersDefectAndNoSilence() throws Exception {
    fixture.flow.error = new StackOverflowError();

    assertInternal(ask("{}"));
    assertInternal(ask("{\"text\":\"" + "x".repeat(5_000) + "\"}"));
    CompletableFuture<Throwable> ended = new CompletableFuture<>();
    var stream = DecisionsGrpc.newStub(channel).checkAll(new Told(ended));
    stream.onNext(CheckRequest.newBuilder().setTaskId(task.value()).setTool("search").build());
    assertInternal(ended.get(5, TimeUnit.SECONDS));
    var get = GetRequest.newBuilder().setTaskId(task.value()).build();
    assertThatThrownBy(() -> UnixFixture.tasks(channel).get(get))
        .satisfies(RecordedTest::assertInternal);
    assertThat(fixture.flow.threads)
        .containsExactly("virtual", "loop", "virtual", "virtual", "loop");

    fixture.flow.error = null;
    assertThat(ask("{}").get(5, TimeUnit.SECONDS).getVerdict()).isEqualTo(Verdict.VERDICT_PERMIT);
  }

  private static void assertInternal(ListenableFuture<CheckResponse> asked) {
    assertThatThrownBy(() -> asked.get(5, TimeUnit.SECONDS))
        .satisfies(e -> assertInternal(Objects.requireNonNull(e.getCause())));
  }

  /** In our own words, with the request's name. */
  private static void assertInternal(Throwable answered) {
    assertThat(answered)
        .isInstanceOfSatisfying(
            StatusRuntimeException.class,
            e -> {
              assertThat(e.getStatus().getCode()).isEqualTo(Status.Code.INTERNAL);
              assertThat(UnixFixture.info(e).getReason()).isEqualTo("BUG");
            });
  }

  /** When the loop of a broker that stops takes nothing any more. */
  enum Stops {
    AT_ONCE,
    MEANWHILE,
    /** The disk was too late, so that there was an answer; the record comes all the same. */
    AFTER_THE_ANSWER
  }

  @ParameterizedTest
  @EnumSource
  void whereTheLoopHasStoppedTheAnswerIsUnavailableAndTheTaskIsLeft(Stops stops) throws Exception {
    DefaultEventLoop loop =
        new DefaultEventLoop() {
          @Override
          public ScheduledFuture<?> schedule(Runnable then, long after, TimeUnit unit) {
            return switch (stops) {
              case AT_ONCE -> throw new RejectedExecutionException("stopped");
              case MEANWHILE -> super.schedule(then, after, unit);
              case AFTER_THE_ANSWER -> super.schedule(then, 0, unit);
            };
          }
        };
    CompletableFuture<Throwable> told = new CompletableFuture<>();
    AtomicInteger over = new AtomicInteger();
    AtomicInteger left = new AtomicInteger();
    CompletableFuture<Runnable> record = new CompletableFuture<>();
    CompletableFuture<Thread> leaving = new CompletableFuture<>();
    Judging judging =
        new Judging() {
          @Override
          public void outOfSight() {}

          @Override
          public void whenRecorded(Runnable next) {
            record.complete(next);
          }

          @Override
          public Judged await() {
            left.incrementAndGet();
            leaving.complete(Thread.currentThread());
            if (stops == Stops.MEANWHILE) {
              throw new StackOverflowError("leaving overflows");
            }
            throw new FaultException(new Fault.NotServing("stopping"));
          }
        };
    Caller caller =
        new Caller(RequestId.random(), Connection.of(fixture.flow.peers.getFirst(), loop));
    Context context = Context.ROOT.withValue(Caller.KEY, caller);
    List<Throwable> lost = new CopyOnWriteArrayList<>();
    Thread.UncaughtExceptionHandler usual = Thread.getDefaultUncaughtExceptionHandler();
    Thread.setDefaultUncaughtExceptionHandler((_, thrown) -> lost.add(thrown));
    loop.submit(
            context.wrap(() ->
                Recorded.serve(
                    new Told(told),
                    _ -> judging,
                    it -> DecisionsService.answer(it.await()),
                    over::incrementAndGet)))
        .get();
    if (stops == Stops.AFTER_THE_ANSWER) {
      assertThat(told.get(5, TimeUnit.SECONDS)).hasMessageContaining("UNAVAILABLE");
    }
    if (stops != Stops.AT_ONCE) {
      loop.shutdownGracefully(0, 0, TimeUnit.SECONDS).get();
      record.get().run();
    }

    assertThat(told.get(5, TimeUnit.SECONDS)).hasMessageContaining("UNAVAILABLE");
    await().untilAsserted(() -> assertThat(left).hasValue(1));
    assertThat(leaving.get().join(Duration.ofSeconds(5)) || stops == Stops.AFTER_THE_ANSWER)
        .isTrue();
    Thread.setDefaultUncaughtExceptionHandler(usual);
    assertThat(lost).isEmpty();
    assertThat(over).hasValue(1);
    loop.shutdownGracefully(0, 0, TimeUnit.SECONDS).get();
  }

  /** Who is told why there is no answer, once: as gRPC's own does, it takes no second one. */
  private record Told(CompletableFuture<Throwable> told) implements StreamObserver<CheckResponse> {
    @Override
    public void onNext(CheckResponse answer) {}

    @Override
    public void onError(Throwable why) {
      if (!told.complete(why)) {
        throw new IllegalStateException("call already closed");
      }
    }

    @Override
    public void onCompleted() {}
  }

  @Test
  void aLongQuestionDoesNotHoldUpTheLoop() throws Exception {
    var answer = ask("{\"text\":\"" + "x".repeat(5_000) + "\"}").get(5, TimeUnit.SECONDS);

    assertThat(answer.getVerdict()).isEqualTo(Verdict.VERDICT_PERMIT);
    assertThat(fixture.flow.threads).containsExactly("virtual", "virtual");
  }

  /** Its identity was withdrawn between the look at it and the call. */
  @Test
  void whatWouldWaitOnTheLoopAfterAllGetsAThread() throws Exception {
    fixture.flow.meanwhile =
        call -> {
          if (!Thread.currentThread().isVirtual()) {
            throw WouldWaits.one();
          }
        };

    assertThat(ask("{}").get(5, TimeUnit.SECONDS).getVerdict()).isEqualTo(Verdict.VERDICT_PERMIT);
    var get = GetRequest.newBuilder().setTaskId(task.value()).build();
    assertThat(UnixFixture.tasks(channel).get(get).getId()).isEqualTo(task.value());
    var watch = WatchRequest.newBuilder().setTaskId(task.value()).build();
    assertThat(UnixFixture.tasks(channel).watch(watch).next().getSnapshot().getId())
        .isEqualTo(task.value());
    assertThat(fixture.flow.threads)
        .containsExactly("virtual", "loop", "virtual", "loop", "virtual", "loop", "virtual");
  }

  /** Where no call's guard is around it any more. */
  @Test
  void whatOverflowsOnSuchAThreadIsTheBrokersDefectAndNoSilence() throws Exception {
    fixture.flow.meanwhile =
        call -> {
          if (!Thread.currentThread().isVirtual()) {
            throw WouldWaits.one();
          }
        };
    fixture.flow.error = new StackOverflowError();

    assertInternal(ask("{}"));
    var get = GetRequest.newBuilder().setTaskId(task.value()).build();
    assertThatThrownBy(() -> UnixFixture.tasks(channel).get(get))
        .satisfies(RecordedTest::assertInternal);
    var watch = WatchRequest.newBuilder().setTaskId(task.value()).build();
    assertThatThrownBy(() -> UnixFixture.tasks(channel).watch(watch).next())
        .satisfies(RecordedTest::assertInternal);
    assertThat(fixture.flow.threads)
        .containsExactly("virtual", "loop", "virtual", "loop", "virtual", "loop", "virtual");
  }

  @Test
  void whereDecidingWaitsForOthersItHasAThread() throws Exception {
    fixture.flow.fromMemory = false;

    var answer = ask("{}").get(5, TimeUnit.SECONDS);

    assertThat(answer.getVerdict()).isEqualTo(Verdict.VERDICT_PERMIT);
    assertThat(fixture.flow.threads).containsExactly("virtual", "virtual");
  }
}
