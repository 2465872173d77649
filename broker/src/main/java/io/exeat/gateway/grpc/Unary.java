package io.exeat.gateway.grpc;

import io.exeat.attest.WouldWait;
import io.exeat.base.InRequest;
import io.exeat.gateway.Faults;
import io.grpc.Context;
import io.grpc.Deadline;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.Function;

/** The one way in which a call with one answer is served. */
final class Unary {

  /** What is kept of the caller's deadline for the answer's way back: a tenth, at most this. */
  private static final Duration MARGIN = Duration.ofMillis(250);

  private Unary() {}

  /**
   * Serves the current call: its one answer is what {@code body} returns, or the fault that it
   * throws.
   */
  static <A> void serve(StreamObserver<A> observer, Function<Caller, A> body) {
    serve(observer, (caller, answer) -> answer.accept(body.apply(caller)));
  }

  /**
   * The same for an answer that must be sent while something is held.
   *
   * <p>A call that is cancelled or past its deadline before it began is not begun. One that is
   * cancelled later comes to its end, so that nothing is left half done, and its answer is dropped.
   */
  static <A> void serve(StreamObserver<A> observer, Work<A> body) {
    Caller caller = Caller.current();
    if (Context.current().isCancelled()) {
      return;
    }
    try {
      InRequest.call(
          caller.request(),
          () -> {
            body.run(caller, answer -> send(observer, answer));
            return caller;
          });
    } catch (WouldWait e) {
      aside(() -> serve(observer, body));
      return;
    } catch (RuntimeException | Error e) { // a thread aside would say nothing of an Error
      observer.onError(Faults.answer(caller.request(), e));
      return;
    }
    caller.connection().attested().set(true);
    observer.onCompleted();
  }

  /** Serves the current call, of which nothing was done on its event loop, on a thread. */
  static void aside(Runnable serve) {
    var _ = Thread.ofVirtual().name("aside").start(Context.current().wrap(serve));
  }

  private static <A> void send(StreamObserver<A> observer, A answer) {
    if (!(observer instanceof ServerCallStreamObserver<A> call && call.isCancelled())) {
      observer.onNext(answer);
    }
  }

  /** How long the current call may wait: to a little before its deadline, at most {@code bound}. */
  static Duration within(Duration bound) {
    Deadline deadline = Context.current().getDeadline();
    if (deadline == null) {
      return bound;
    }
    Duration left = Duration.ofNanos(Math.max(0, deadline.timeRemaining(TimeUnit.NANOSECONDS)));
    Duration margin = min(MARGIN, left.dividedBy(10));
    return min(bound, left.minus(margin));
  }

  private static Duration min(Duration a, Duration b) {
    return a.compareTo(b) <= 0 ? a : b;
  }

  /** What a call does: it sends exactly one answer, or throws. */
  interface Work<A> {
    void run(Caller caller, Consumer<A> answer);
  }
}
