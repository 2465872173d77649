package io.exeat.gateway.grpc;

import io.exeat.attest.WouldWait;
import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import io.exeat.base.InRequest;
import io.exeat.flow.Judging;
import io.exeat.gateway.Faults;
import io.grpc.Context;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import io.netty.channel.EventLoop;
import io.netty.util.concurrent.ScheduledFuture;
import java.time.Duration;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The answer of a call whose decision is on its way to the disk. A thread waits for it; an event
 * loop, which has other connections, is told: only touched by it then.
 */
final class Recorded<A> implements Runnable {
  private static final Logger LOG = LoggerFactory.getLogger(Recorded.class);

  /** By then the disk is too late, and awaiting says so at once. */
  private static final Duration LATE = Duration.ofMillis(10_100);

  private final Caller caller;
  private final StreamObserver<A> observer;
  private final Judging judging;
  private final Function<Judging, A> answer;
  private final Runnable whenOver;
  private @Nullable ScheduledFuture<?> late;

  /** Taken by whoever answers: the loop, too late or not, or who finds that it has stopped. */
  private final AtomicBoolean over = new AtomicBoolean();

  private Recorded(
      Caller caller,
      StreamObserver<A> observer,
      Judging judging,
      Function<Judging, A> answer,
      Runnable whenOver) {
    this.caller = caller;
    this.observer = observer;
    this.judging = judging;
    this.answer = answer;
    this.whenOver = whenOver;
  }

  /**
   * Serves the current call as {@link Unary} does.
   *
   * @param answer awaits what was begun
   * @param whenOver runs once, whatever comes of it
   */
  static <A> void serve(
      StreamObserver<A> observer,
      Function<Caller, Judging> begin,
      Function<Judging, A> answer,
      Runnable whenOver) {
    Caller caller = Caller.current();
    if (Context.current().isCancelled()) {
      whenOver.run();
      return;
    }
    Judging judging;
    try {
      judging = InRequest.call(caller.request(), () -> begin.apply(caller));
    } catch (WouldWait e) {
      Unary.aside(() -> serve(observer, begin, answer, whenOver));
      return;
    } catch (RuntimeException | Error e) { // an event loop would say nothing of an Error
      whenOver.run();
      observer.onError(Faults.answer(caller.request(), e));
      return;
    }
    new Recorded<>(caller, observer, judging, answer, whenOver).begin(caller.connection().loop());
  }

  private void begin(EventLoop loop) {
    if (!loop.inEventLoop()) {
      run();
      return;
    }
    try {
      late = loop.schedule(this, LATE.toMillis(), TimeUnit.MILLISECONDS);
    } catch (RejectedExecutionException e) {
      stop();
      return;
    }
    judging.whenRecorded(() -> {
      try {
        loop.execute(this);
      } catch (RejectedExecutionException e) {
        stop();
      }
    });
  }

  /** The loop takes nothing any more: it is the broker that stops. */
  private void stop() {
    if (over.getAndSet(true)) {
      return;
    }
    whenOver.run();
    observer.onError(
        Faults.answer(caller.request(), new FaultException(new Fault.NotServing("stopping"))));
    var _ = Thread.ofVirtual().name("stopping").start(this::leave);
  }

  /** Its task is not to wait for it. */
  private void leave() {
    try {
      var _ = InRequest.call(caller.request(), () -> answer.apply(judging));
    } catch (FaultException e) {
      // Nobody hears of it any more.
    } catch (RuntimeException | Error e) { // or nobody at all would
      LOG.error("request {}: leaving its task failed", caller.request(), e);
    }
  }

  @Override
  public void run() {
    if (over.getAndSet(true)) {
      return;
    }
    whenOver.run();
    if (late != null) {
      late.cancel(false);
    }
    A said;
    try {
      said = InRequest.call(caller.request(), () -> answer.apply(judging));
    } catch (RuntimeException | Error e) {
      observer.onError(Faults.answer(caller.request(), e));
      return;
    }
    if (!(observer instanceof ServerCallStreamObserver<A> call && call.isCancelled())) {
      observer.onNext(said);
    }
    caller.connection().attested().set(true);
    observer.onCompleted();
  }
}
