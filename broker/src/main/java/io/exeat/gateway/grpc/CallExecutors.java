package io.exeat.gateway.grpc;

import io.exeat.attest.Peer;
import io.exeat.v1.DecisionsGrpc;
import io.exeat.v1.TasksGrpc;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallExecutorSupplier;
import io.grpc.health.v1.HealthGrpc;
import java.util.Set;
import java.util.concurrent.Executor;
import java.util.function.Predicate;

/**
 * Where a call runs: what is answered from memory, or decided from it, runs on the connection's own
 * event loop, the rest, and the first call of a connection, which is attested with it, on a virtual
 * thread.
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

  private static final String CHECK = DecisionsGrpc.getCheckMethod().getFullMethodName();

  private final Executor virtual;
  private final Served served;

  CallExecutors(Executor virtual, Served served) {
    this.virtual = virtual;
    this.served = served;
  }

  @Override
  public <Q, A> Executor getExecutor(ServerCall<Q, A> call, Metadata headers) {
    String method = call.getMethodDescriptor().getFullMethodName();
    if (NEED_NO_PEER.contains(method)) {
      return Runnable::run;
    }
    Connection connection = call.getAttributes().get(Connection.KEY);
    if (connection != null && FROM_MEMORY.contains(method)) {
      return step -> place(connection, served.fromMemory()).execute(step);
    }
    if (connection != null && CHECK.equals(method)) {
      return step -> place(connection, served.decides()).execute(step);
    }
    return virtual;
  }

  /**
   * Asked anew for each step of a call: between its headers and its message, which is attested, a
   * client can let pass what time it likes.
   */
  private Executor place(Connection connection, Predicate<Peer> waitsForNothing) {
    return connection.attested().get() && waitsForNothing.test(connection.peer())
        ? Runnable::run
        : virtual;
  }
}
