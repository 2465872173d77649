package io.exeat.app.demo;

import io.exeat.app.stage.OtherUser;
import io.exeat.app.stage.StageException;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStreamWriter;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/** An agent process, spoken to line by line. Its environment is empty: it holds no secret. */
final class Agent implements AutoCloseable {
  private final Process process;
  private final Writer orders;
  private final BufferedReader answers;

  private Agent(Process process) {
    this.process = process;
    this.orders = new OutputStreamWriter(process.getOutputStream(), StandardCharsets.UTF_8);
    this.answers =
        new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
  }

  static Agent start(Optional<OtherUser> user, Path socket) {
    List<String> command = Jvm.command(AgentMain.class, socket.toString());
    ProcessBuilder builder = new ProcessBuilder(user.map(it -> it.run(command)).orElse(command));
    builder.environment().clear();
    builder.directory(Path.of("/").toFile());
    builder.redirectError(ProcessBuilder.Redirect.DISCARD);
    try {
      return new Agent(builder.start());
    } catch (IOException e) {
      throw new StageException("the agent cannot be started: " + e.getMessage(), e);
    }
  }

  long pid() {
    return process.pid();
  }

  /** Gives an order and waits for its answer. */
  String does(String order) {
    try {
      orders.write(order + "\n");
      orders.flush();
      String answer = answers.readLine();
      if (answer == null) {
        throw new StageException("the agent has ended");
      }
      return answer;
    } catch (IOException e) {
      throw new StageException("the agent has ended", e);
    }
  }

  @Override
  public void close() {
    process.destroyForcibly();
  }
}
