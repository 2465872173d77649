package io.exeat.it.environment;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A container of an example's.
 *
 * @param command what its manifest has it run
 * @param environment all of it
 */
public record ExampleAgent(int uid, List<String> command, Map<String, String> environment) {
  public ExampleAgent {
    command = List.copyOf(command);
    environment = Map.copyOf(environment);
  }

  /** The same container with other words to run. */
  public ExampleAgent running(List<String> words) {
    return new ExampleAgent(uid, words, environment);
  }

  /** The same with another value of a variable. */
  public ExampleAgent with(String key, String value) {
    Map<String, String> changed = new LinkedHashMap<>(environment);
    changed.put(key, value);
    return new ExampleAgent(uid, command, changed);
  }

  /** The container's memory for what it is lent. */
  public Path files() {
    return Path.of(Optional.ofNullable(environment.get("EXEAT_FILES")).orElseThrow());
  }

  /** Starts it; what it says goes to files. */
  public Exeat.Running start() {
    try {
      Path said = Files.createTempDirectory("example-said");
      ProcessBuilder builder =
          new ProcessBuilder(
                  Processes.join(OtherUser.as(Optional.of(uid)), command.toArray(String[]::new)))
              .directory(Path.of("/").toFile())
              .redirectOutput(said.resolve("out").toFile())
              .redirectError(said.resolve("err").toFile());
      builder.environment().clear();
      builder.environment().putAll(environment);
      Process process = builder.start();
      process.getOutputStream().close();
      return new Exeat.Running(process, said);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
