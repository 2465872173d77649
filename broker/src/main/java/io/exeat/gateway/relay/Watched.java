package io.exeat.gateway.relay;

import com.google.protobuf.InvalidProtocolBufferException;
import io.exeat.v1.TaskEvent;
import io.exeat.v1.TaskState;
import io.exeat.v1.WatchRequest;
import io.grpc.Status;
import java.time.Duration;

/**
 * How far a relayed stream of events has come, so that it can go on where it broke: the broker cuts
 * connections that are too old, and an agent need not know.
 */
final class Watched {

  /** A broker that is away for longer is said to be. */
  private static final int TRIES = 60;

  private static final Duration FIRST_PAUSE = Duration.ofMillis(20);
  private static final Duration PAUSE = Duration.ofMillis(500);

  private long last;
  private boolean over;
  private int tries;

  /** The agent is about to get this event. */
  void saw(byte[] event) {
    try {
      TaskEvent read = TaskEvent.parseFrom(event);
      last = read.getNumber();
      over =
          read.hasEnded()
              || (read.hasSnapshot()
                  && read.getSnapshot().getState() == TaskState.TASK_STATE_ENDED);
      tries = 0;
    } catch (InvalidProtocolBufferException e) {
      throw new IllegalStateException("the broker's answer is no event", e);
    }
  }

  /** Whether the agent has had the last event that there will be. */
  boolean isOver() {
    return over;
  }

  /** Whether a stream that broke with {@code status} is worth another one. */
  boolean mayGoOn(Status status) {
    return last > 0
        && !over
        && tries < TRIES
        && switch (status.getCode()) {
          // A connection that is closed under a stream shows as any of these.
          case UNAVAILABLE, CANCELLED, INTERNAL -> true;
          default -> false;
        };
  }

  /** How long to wait before the next try, which is counted. */
  Duration pause() {
    return tries++ == 0 ? FIRST_PAUSE : PAUSE;
  }

  /** The request for what is missing. */
  byte[] rest(byte[] request) {
    try {
      return WatchRequest.parseFrom(request).toBuilder().setAfter(last).build().toByteArray();
    } catch (InvalidProtocolBufferException e) {
      throw new IllegalStateException("the request was parsed before", e);
    }
  }
}
