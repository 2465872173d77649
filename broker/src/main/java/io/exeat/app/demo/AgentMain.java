package io.exeat.app.demo;

import io.exeat.app.Logging;
import io.exeat.v1.ChangeScopeRequest;
import io.exeat.v1.CompleteRequest;
import io.exeat.v1.Credential;
import io.exeat.v1.CredentialsGrpc;
import io.exeat.v1.DatabaseLogin;
import io.exeat.v1.GetRequest;
import io.exeat.v1.IssueRequest;
import io.exeat.v1.OpenRequest;
import io.exeat.v1.Task;
import io.exeat.v1.TasksGrpc;
import io.grpc.ManagedChannel;
import io.grpc.StatusRuntimeException;
import io.grpc.netty.NettyChannelBuilder;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.epoll.EpollDomainSocketChannel;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.channel.unix.DomainSocketAddress;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * The demo's agent: a process of its own that knows one thing, the broker's socket. It does what
 * each line of its standard input says, and answers each with one line: {@code ok …} or {@code
 * refused …}.
 */
public final class AgentMain {
  private final ManagedChannel channel;
  private String task = "";
  private long epoch;
  private int keys;
  private @Nullable DatabaseLogin login;
  private @Nullable Connection session;

  private AgentMain(String socket) {
    this.channel =
        NettyChannelBuilder.forAddress(new DomainSocketAddress(socket))
            .channelType(EpollDomainSocketChannel.class)
            .eventLoopGroup(new MultiThreadIoEventLoopGroup(1, EpollIoHandler.newFactory()))
            .overrideAuthority("exeat.local")
            .usePlaintext()
            .build();
  }

  /**
   * @param arguments the path of the broker's socket
   */
  public static void main(String[] arguments) throws IOException {
    Logging.begin();
    AgentMain agent = new AgentMain(arguments[0]);
    BufferedReader lines =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = lines.readLine(); line != null; line = lines.readLine()) {
      System.out.println(agent.answer(line));
      System.out.flush();
    }
    System.exit(0);
  }

  private String answer(String line) {
    String[] words = line.split(" ", 2);
    String rest = words.length > 1 ? words[1] : "";
    try {
      return switch (words[0]) {
        case "open" -> open(rest);
        case "get" -> get(rest);
        case "issue" -> issue(rest);
        case "sql" -> "ok " + sql(rest);
        case "login" -> login();
        case "scope" -> scope(rest);
        case "complete" -> complete();
        default -> "refused no such order: " + words[0];
      };
    } catch (StatusRuntimeException e) {
      return "refused " + e.getStatus().getCode() + " " + e.getStatus().getDescription();
    } catch (SQLException e) {
      return "refused SQLSTATE "
          + e.getSQLState()
          + " "
          + String.valueOf(e.getMessage()).lines().findFirst().orElse("");
    }
  }

  private TasksGrpc.TasksBlockingStub tasks() {
    return TasksGrpc.newBlockingStub(channel).withDeadlineAfter(15, TimeUnit.SECONDS);
  }

  private String open(String grant) {
    Task opened =
        tasks()
            .open(
                OpenRequest.newBuilder()
                    .setIntent("answer-ticket")
                    .putParameters("ticket", "4711")
                    .addScope(grant)
                    .setLifetime(com.google.protobuf.Duration.newBuilder().setSeconds(300))
                    .setIdempotencyKey("demo-" + ProcessHandle.current().pid() + "-" + keys++)
                    .build());
    task = opened.getId();
    epoch = opened.getEpoch();
    return "ok " + task + " " + epoch;
  }

  private String get(String id) {
    Task seen = tasks().get(GetRequest.newBuilder().setTaskId(id).build());
    return "ok " + seen.getState();
  }

  private String issue(String grant) {
    Credential issued =
        CredentialsGrpc.newBlockingStub(channel)
            .withDeadlineAfter(15, TimeUnit.SECONDS)
            .issue(
                IssueRequest.newBuilder()
                    .setTaskId(task)
                    .setGrant(grant)
                    .setEpoch(epoch)
                    .setIdempotencyKey("k" + keys++)
                    .build());
    login = issued.getDatabase();
    session = null;
    return "ok " + login.getUsername();
  }

  /** With the session that is open, or a new one. */
  private String sql(String statement) throws SQLException {
    Connection open = session;
    if (open == null) {
      open = connect();
      session = open;
    }
    try (Statement asked = open.createStatement()) {
      if (!asked.execute(statement)) {
        return asked.getUpdateCount() + " rows";
      }
      List<String> rows = new ArrayList<>();
      try (ResultSet found = asked.getResultSet()) {
        int columns = found.getMetaData().getColumnCount();
        while (found.next()) {
          List<String> row = new ArrayList<>();
          for (int i = 1; i <= columns; i++) {
            row.add(String.valueOf(found.getString(i)));
          }
          rows.add(String.join(" | ", row));
        }
      }
      return String.join("; ", rows);
    }
  }

  /** A new session with the last password that it was lent, whether or not that still works. */
  private String login() throws SQLException {
    try (Connection fresh = connect()) {
      return "ok " + fresh.getMetaData().getUserName();
    }
  }

  private Connection connect() throws SQLException {
    DatabaseLogin lent = login;
    if (lent == null) {
      throw new SQLException("nothing was lent", "28000");
    }
    Properties properties = new Properties();
    properties.setProperty("user", lent.getUsername());
    properties.setProperty("password", lent.getPassword());
    properties.setProperty("connectTimeout", "5");
    properties.setProperty("socketTimeout", "20");
    return DriverManager.getConnection(
        "jdbc:postgresql://%s:%d/%s".formatted(lent.getHost(), lent.getPort(), lent.getDatabase()),
        properties);
  }

  private String scope(String grant) {
    Task changed =
        tasks()
            .changeScope(
                ChangeScopeRequest.newBuilder()
                    .setTaskId(task)
                    .addScope(grant)
                    .setEpoch(epoch)
                    .build());
    epoch = changed.getEpoch();
    return "ok " + changed.getState() + " " + epoch;
  }

  private String complete() {
    Task ended = tasks().complete(CompleteRequest.newBuilder().setTaskId(task).build());
    return "ok " + ended.getState();
  }
}
