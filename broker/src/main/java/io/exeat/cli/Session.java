package io.exeat.cli;

import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.MessageOrBuilder;
import com.google.protobuf.util.JsonFormat;
import io.exeat.base.FaultException;
import io.exeat.config.ConfigException;
import io.exeat.v1.AdminGrpc;
import io.exeat.v1.ApprovalsGrpc;
import io.exeat.v1.CredentialsGrpc;
import io.exeat.v1.TasksGrpc;
import io.grpc.ConnectivityState;
import io.grpc.ManagedChannel;
import io.grpc.StatusRuntimeException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import java.util.function.ToIntFunction;

/** One command's conversation with a broker. */
final class Session implements AutoCloseable {
  private final ManagedChannel channel;
  private final Where where;
  private final PrintWriter out;

  private Session(ManagedChannel channel, Where where, PrintWriter out) {
    this.channel = channel;
    this.where = where;
    this.out = out;
  }

  /** As an agent: {@code body} gives the exit code; a refusal is printed and has its own. */
  static int asAgent(Cli cli, Where where, ToIntFunction<Session> body) {
    return ask(cli, where, false, body);
  }

  /** As an operator. */
  static int asOperator(Cli cli, Where where, ToIntFunction<Session> body) {
    return ask(cli, where, true, body);
  }

  private static int ask(Cli cli, Where where, boolean operator, ToIntFunction<Session> body) {
    try (Session session = new Session(dial(cli.doors(), where, operator), where, cli.out())) {
      return body.applyAsInt(session);
    } catch (StatusRuntimeException e) {
      return new Refusal(e).tell(cli, where.json());
    } catch (FaultException e) {
      return new Refusal(e.fault()).tell(cli, where.json());
    } catch (ConfigException e) {
      return Refusal.tell(
          "CONFIGURATION", String.valueOf(e.getMessage()), Exit.USAGE, cli, where.json());
    } catch (Unasked e) {
      return Refusal.tell(e.reason, String.valueOf(e.getMessage()), e.code, cli, where.json());
    } finally {
      cli.out().flush();
      cli.err().flush();
    }
  }

  private static ManagedChannel dial(Doors doors, Where where, boolean operator) {
    if (where.to().isPresent()) {
      String[] parts = where.to().get().split(":(?=[0-9]{1,5}$)", -1);
      if (parts.length != 2) {
        throw new Unasked("USAGE", Exit.USAGE, "--to " + where.to().get() + " is not HOST:PORT");
      }
      String broker = where.brokerId().or(doors::brokerId).orElseThrow(Session::nobodyNamed);
      ManagedChannel channel = doors.to(parts[0], Integer.parseInt(parts[1]), broker);
      stay(channel);
      return channel;
    }
    Path socket =
        where.socket().orElseGet(() -> operator ? doors.adminSocket() : doors.agentSocket());
    if (!Files.exists(socket)) {
      throw new Unasked(
          "NO_BROKER",
          Exit.UNAVAILABLE,
          "no broker serves "
              + socket
              + ": there is no such socket, or this user may not see it. Start a broker with exeat"
              + " run, or name its socket with --socket"
              + (operator ? "." : " or EXEAT_SOCKET."));
    }
    return doors.over(socket);
  }

  /**
   * Over mTLS a process-bound task lasts while its agent is connected; the broker ends each
   * connection after a while, and gRPC alone would not dial before the next call.
   */
  static void stay(ManagedChannel channel) {
    ConnectivityState state = channel.getState(true);
    if (state != ConnectivityState.SHUTDOWN) {
      channel.notifyWhenStateChanged(state, () -> stay(channel));
    }
  }

  private static Unasked nobodyNamed() {
    return new Unasked(
        "USAGE",
        Exit.USAGE,
        "--to needs the broker's SPIFFE ID, so that no other workload can answer in its place:"
            + " name it with --broker-id, EXEAT_BROKER_ID or relay.broker in the configuration."
            + " It is spiffe.id in the broker's own.");
  }

  TasksGrpc.TasksBlockingStub tasks() {
    return TasksGrpc.newBlockingStub(channel)
        .withDeadlineAfter(where.timeout().toMillis(), TimeUnit.MILLISECONDS);
  }

  /** Without a time limit: for streams. */
  TasksGrpc.TasksBlockingStub streams() {
    return TasksGrpc.newBlockingStub(channel);
  }

  CredentialsGrpc.CredentialsBlockingStub credentials() {
    return CredentialsGrpc.newBlockingStub(channel)
        .withDeadlineAfter(where.timeout().toMillis(), TimeUnit.MILLISECONDS);
  }

  AdminGrpc.AdminBlockingStub admin() {
    return AdminGrpc.newBlockingStub(channel)
        .withDeadlineAfter(where.timeout().toMillis(), TimeUnit.MILLISECONDS);
  }

  ApprovalsGrpc.ApprovalsBlockingStub approvals() {
    return ApprovalsGrpc.newBlockingStub(channel)
        .withDeadlineAfter(where.timeout().toMillis(), TimeUnit.MILLISECONDS);
  }

  PrintWriter out() {
    return out;
  }

  boolean json() {
    return where.json();
  }

  /** One line of JSON. */
  void printJson(MessageOrBuilder message) {
    try {
      out.println(
          JsonFormat.printer()
              .omittingInsignificantWhitespace()
              .alwaysPrintFieldsWithNoPresence()
              .print(message));
      out.flush();
    } catch (InvalidProtocolBufferException e) {
      throw new IllegalStateException("a message of ours has no JSON", e);
    }
  }

  @Override
  public void close() {
    channel.shutdownNow();
    try {
      var _ = channel.awaitTermination(1, TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** Nobody was asked. */
  private static final class Unasked extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final String reason;
    private final int code;

    Unasked(String reason, int code, String message) {
      super(message);
      this.reason = reason;
      this.code = code;
    }
  }
}
