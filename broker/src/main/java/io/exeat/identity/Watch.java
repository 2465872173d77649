package io.exeat.identity;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.exeat.base.Subscription;
import io.grpc.CallOptions;
import io.grpc.ClientCall;
import io.grpc.Context;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import java.time.Duration;
import java.util.concurrent.ThreadLocalRandom;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One server stream of a SPIFFE API, kept open until closed: whatever ends it, it is asked for
 * again after a pause with jitter, from 0.1 s doubling to 5 s (1 s while the agent is away), from
 * the start after each answer.
 *
 * <p>InvalidArgument and Unimplemented are the exception: asking again cannot help, so they are
 * logged as errors and the stream stays shut.
 */
public final class Watch<Q, R> implements Subscription {
  private static final Logger LOG = LoggerFactory.getLogger(Watch.class);
  private static final long FIRST_MILLIS = 100;
  private static final long CAP_MILLIS = 5_000;
  private static final long AWAY_CAP_MILLIS = 1_000;

  /**
   * What becomes of a stream; called one at a time; one call may be under way when {@link
   * Watch#close} returns.
   */
  public interface Receiver<R> {
    /** The whole of what the caller is entitled to now; perhaps nothing. */
    void answered(R answer);

    /** The agent says that there is nothing (PermissionDenied), or will never say (terminal). */
    void refused(Status why);

    /** The stream broke; what was answered before is the latest that is known. */
    void interrupted(Status why);
  }

  private final Link link;
  private final MethodDescriptor<Q, R> method;
  private final Q request;
  private final Receiver<R> receiver;

  @GuardedBy("this")
  private @Nullable ClientCall<Q, R> call;

  @GuardedBy("this")
  private long pause = FIRST_MILLIS;

  @GuardedBy("this")
  private boolean closed;

  private Watch(Link link, MethodDescriptor<Q, R> method, Q request, Receiver<R> receiver) {
    this.link = link;
    this.method = method;
    this.request = request;
    this.receiver = receiver;
  }

  /** Opens the stream; {@code receiver} is called on the transport's virtual threads. */
  public static <Q, R> Watch<Q, R> open(
      Link link, MethodDescriptor<Q, R> method, Q request, Receiver<R> receiver) {
    Watch<Q, R> watch = new Watch<>(link, method, request, receiver);
    // Not of the call that wanted it first, with whose end gRPC would cancel it.
    Context.ROOT.run(watch::ask);
    return watch;
  }

  private synchronized void ask() {
    if (closed) {
      return;
    }
    ClientCall<Q, R> next = link.channel().newCall(method, CallOptions.DEFAULT.withWaitForReady());
    call = next;
    next.start(new Stream(next), new Metadata());
    next.sendMessage(request);
    next.halfClose();
    next.request(1);
  }

  private synchronized void askLater(Status why) {
    if (closed) {
      return;
    }
    if (why.getCode() == Status.Code.INVALID_ARGUMENT
        || why.getCode() == Status.Code.UNIMPLEMENTED) {
      LOG.error("{} at {} cannot work and is not asked for again: {}", name(), link.state(), why);
      return;
    }
    LOG.info("{} at {} ended and is asked for again: {}", name(), link.state(), why);
    long cap = why.getCode() == Status.Code.UNAVAILABLE ? AWAY_CAP_MILLIS : CAP_MILLIS;
    long longest = Math.min(pause, cap);
    pause = Math.min(pause * 2, CAP_MILLIS);
    long jittered = ThreadLocalRandom.current().nextLong(longest / 2, longest + 1);
    var _ = link.transport().after(Duration.ofMillis(jittered), this::ask);
  }

  private String name() {
    return method.getFullMethodName();
  }

  @Override
  public synchronized void close() {
    closed = true;
    if (call != null) {
      call.cancel("no longer wanted", null);
    }
  }

  /** One attempt. */
  private final class Stream extends ClientCall.Listener<R> {
    private final ClientCall<Q, R> self;

    Stream(ClientCall<Q, R> self) {
      this.self = self;
    }

    @Override
    public void onMessage(R message) {
      synchronized (Watch.this) {
        if (closed) {
          return;
        }
        pause = FIRST_MILLIS;
      }
      // Not under the lock: a receiver has locks of its own, and may close this watch under them.
      receiver.answered(message);
      self.request(1);
    }

    @Override
    public void onClose(Status status, Metadata trailers) {
      synchronized (Watch.this) {
        if (closed) {
          return;
        }
      }
      switch (status.getCode()) {
        case PERMISSION_DENIED, INVALID_ARGUMENT, UNIMPLEMENTED -> receiver.refused(status);
        default -> receiver.interrupted(status);
      }
      askLater(status);
    }
  }
}
