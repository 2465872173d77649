package io.exeat.gateway.grpc;

import io.exeat.attest.Peer;
import io.exeat.base.RequestId;
import io.grpc.Context;
import java.util.Objects;

/**
 * Who makes the call in progress, and the name of its request.
 *
 * @param connection that it came over
 */
public record Caller(RequestId request, Connection connection) {

  static final Context.Key<Caller> KEY = Context.key("exeat-caller");

  /**
   * Of the current call.
   *
   * @throws NullPointerException outside of a call that {@link Calls} let in: a defect of ours
   */
  public static Caller current() {
    return Objects.requireNonNull(KEY.get(), "not in a call");
  }

  /** Who is at the other end. */
  public Peer peer() {
    return connection.peer();
  }
}
