package io.exeat.it.environment;

import io.exeat.v1.DatabaseLogin;
import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.File;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStreamWriter;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.function.UnaryOperator;

/** An agent with a process, and perhaps a user, of its own: {@link AgentMain}. */
public final class AgentProcess implements AutoCloseable {
  private final Process process;
  private final BufferedWriter orders;
  private final BufferedReader answers;

  private AgentProcess(Process process) {
    this.process = process;
    this.orders =
        new BufferedWriter(
            new OutputStreamWriter(process.getOutputStream(), StandardCharsets.UTF_8));
    this.answers =
        new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
  }

  /** Starts one; nobody has told the issuer of it yet. */
  public static AgentProcess start(Path socket, Optional<Integer> uid) {
    return start(socket, words -> Processes.join(OtherUser.as(uid), words.toArray(String[]::new)));
  }

  /** The same, started in another way. */
  static AgentProcess start(Path socket, UnaryOperator<List<String>> launch) {
    List<String> command =
        List.of(
            Packaged.java().toString(),
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            "-Xmx64m",
            "--enable-native-access=ALL-UNNAMED",
            "-cp",
            String.join(
                File.pathSeparator,
                Packaged.jar().toString(),
                Packaged.lib().resolve("*").toString(),
                classes().toString()),
            AgentMain.class.getName(),
            socket.toString());
    try {
      ProcessBuilder builder = new ProcessBuilder(launch.apply(command));
      builder.environment().clear();
      builder.directory(new File("/")).redirectError(ProcessBuilder.Redirect.DISCARD);
      return new AgentProcess(builder.start());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static Path classes() {
    return Path.of(AgentMain.class.getProtectionDomain().getCodeSource().getLocation().getPath());
  }

  public int pid() {
    return Math.toIntExact(process.pid());
  }

  /** Gives an order and waits for its answer: {@code ok …} or {@code refused <code> <reason> …}. */
  public String does(String order) {
    try {
      orders.write(order + "\n");
      orders.flush();
      return Optional.ofNullable(answers.readLine())
          .orElseThrow(() -> new IllegalStateException("the agent has ended"));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The same, of what must be granted; the words after {@code ok}. */
  public List<String> may(String order) {
    String answer = does(order);
    if (!answer.startsWith("ok")) {
      throw new AssertionError(order + ": " + answer);
    }
    return List.of(answer.substring(2).strip().split(" ", -1));
  }

  /** Has it issue what must be granted: a login at the scenarios' database. */
  public DatabaseLogin lent(String task, String grant) {
    List<String> words = may("issue " + task + " " + grant);
    return DatabaseLogin.newBuilder()
        .setDatabase("orders")
        .setUsername(words.get(0))
        .setPassword(words.get(1))
        .build();
  }

  /** {@code kill -9}. */
  public void kill() {
    // In a PID namespace of its own it is a child, which may not end with its parent.
    process.descendants().forEach(ProcessHandle::destroyForcibly);
    Processes.end(process, "KILL");
  }

  @Override
  public void close() {
    kill();
  }
}
