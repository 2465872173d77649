package io.exeat.gateway.grpc;

import io.exeat.v1.TasksGrpc;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallExecutorSupplier;
import io.grpc.health.v1.HealthGrpc;
import java.util.Set;
import java.util.concurrent.Executor;

/**
 * Where a call runs: what is answered from memory runs on the connection's own event loop, the
 * rest, and the first call of a connection, which is attested with it, on a virtual thread.
 */
final class CallExecutors implements ServerCallExecutorSupplier {

  private static final Set<String> NEED_NO_PEER =
      Set.of(
          HealthGrpc.getCheckMethod().getFullMethodName(),
          HealthGrpc.getWatchMethod().getFullMethodName());

  private static final Set<String> FROM_MEMORY =
      Set.of(
          TasksGrpc.getGetMethod().getFullMethodName(),
          TasksGrpc.getWatchMethod().getFullMethodName());

  private final Executor virtual;
  private final boolean here;

  /**
   * @param here whether the tasks are in this process, or else every call is sent on
   */
  CallExecutors(Executor virtual, boolean here) {
    this.virtual = virtual;
    this.here = here;
  }

  @Override
  public <Q, A> Executor getExecutor(ServerCall<Q, A> call, Metadata headers) {
    String method = call.getMethodDescriptor().getFullMethodName();
    if (NEED_NO_PEER.contains(method)) {
      return Runnable::run;
    }
    Connection connection = call.getAttributes().get(Connection.KEY);
    boolean attested = connection != null && connection.attested().get();
    return here && attested && FROM_MEMORY.contains(method) ? Runnable::run : virtual;
  }
}
