package io.exeat.gateway.grpc;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.exeat.base.InRequest;
import io.exeat.flow.Judged;
import io.exeat.flow.Judging;
import io.exeat.gateway.Faults;
import io.exeat.v1.CheckRequest;
import io.exeat.v1.CheckResponse;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import java.util.ArrayDeque;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * {@code Decisions.CheckAll}: each act is decided when it comes, and answered in its turn once its
 * decision is on record, so that those on their way share an fsync. Who does not read the answers
 * gets no more decisions.
 */
final class CheckStream implements StreamObserver<CheckRequest> {
  /** Acts that are decided and not answered: enough for an fsync to be shared. */
  static final int MOST_ON_THEIR_WAY = 16;

  private static final Logger LOG = LoggerFactory.getLogger(CheckStream.class);

  private final Caller caller;
  private final ServerCallStreamObserver<CheckResponse> answers;
  private final Function<CheckRequest, Judging> decide;

  /** No more is decided. Only touched by gRPC's callbacks, which come one after the other. */
  private boolean over;

  /** Nothing more is said. Written by who answers. */
  private volatile boolean ended;

  @GuardedBy("this")
  private final ArrayDeque<Runnable> turns = new ArrayDeque<>();

  @GuardedBy("this")
  private boolean answering;

  /** Questions that were answered and whose places are free. */
  @GuardedBy("this")
  private int free;

  /**
   * @param decide throws what the stream is to end with
   */
  CheckStream(
      Caller caller,
      ServerCallStreamObserver<CheckResponse> answers,
      Function<CheckRequest, Judging> decide) {
    this.caller = caller;
    this.answers = answers;
    this.decide = decide;
    answers.disableAutoRequest();
    answers.setOnReadyHandler(this::askForMore);
    answers.request(MOST_ON_THEIR_WAY);
  }

  @Override
  public void onNext(CheckRequest request) {
    if (over || ended) {
      return;
    }
    try {
      Judging judging = InRequest.call(caller.request(), () -> decide.apply(request));
      inTurn(() -> answer(judging));
    } catch (RuntimeException e) {
      over = true;
      inTurn(() -> fail(e));
    }
  }

  /** What is on its way comes to its end, and nobody hears of it. */
  @Override
  public void onError(Throwable gone) {
    over = true;
  }

  @Override
  public void onCompleted() {
    if (!over) {
      over = true;
      inTurn(() -> end(answers::onCompleted));
    }
  }

  private synchronized void inTurn(Runnable turn) {
    turns.add(turn);
    if (!answering) {
      answering = true;
      var _ = Thread.ofVirtual().name("answers").start(this::answerAll);
    }
  }

  /** Runs on one thread at a time, for as long as there is something to say. */
  private void answerAll() {
    for (Runnable turn = next(); turn != null; turn = next()) {
      try {
        turn.run();
      } catch (RuntimeException
          | Error e) { // what is queued behind it must be awaited all the same
        LOG.error("An answer of a stream failed", e);
        ended = true;
      }
    }
  }

  private synchronized @Nullable Runnable next() {
    Runnable next = turns.poll();
    answering = next != null;
    return next;
  }

  private void answer(Judging judging) {
    try {
      Judged judged = InRequest.call(caller.request(), judging::await);
      CheckResponse answer = DecisionsService.answer(judged);
      if (ended || answers.isCancelled()) {
        return;
      }
      answers.onNext(answer);
      caller.connection().attested().set(true);
      synchronized (this) {
        free++;
      }
      askForMore();
    } catch (RuntimeException | Error e) {
      fail(e);
    }
  }

  private void fail(Throwable why) {
    end(() -> answers.onError(Faults.answer(caller.request(), why)));
  }

  private void end(Runnable how) {
    if (!ended) {
      ended = true;
      try {
        how.run();
      } catch (IllegalStateException closed) {
        // A message that could not be read has ended the call already: see Calls.
      }
    }
  }

  private synchronized void askForMore() {
    if (free > 0 && answers.isReady()) {
      answers.request(free);
      free = 0;
    }
  }
}
