package io.exeat.config;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * One YAML file and the environment, read strictly: who needs a key reads it from {@link #root},
 * and {@link #finish} refuses whatever is wrong, all at once.
 *
 * <p>The environment variable of {@code vault.token-ttl} is {@code EXEAT_VAULT_TOKEN_TTL}; it wins
 * over the file. A secret is only ever the path of a file ({@link Shape#secretFile}).
 */
public final class Settings {
  /** Variables with our prefix that are no keys of the file. */
  private static final Set<String> OTHERS =
      Set.of(
          "EXEAT_CONFIG",
          "EXEAT_CACHE",
          "EXEAT_REQUIRE",
          "EXEAT_SPIRE_BIN",
          "EXEAT_BAO_BIN",
          "EXEAT_OPA_BIN",
          "EXEAT_ENVOY_BIN",
          "EXEAT_SSHD_BIN",
          "EXEAT_HELM_BIN",
          "EXEAT_POSTGRES_BIN",
          "EXEAT_SOCKET",
          "EXEAT_FILES",
          "EXEAT_MCP_SOCKET",
          "EXEAT_BROKER_ID",
          "EXEAT_TASK",
          "EXEAT_EPOCH");

  private final String source;
  private final Reading reading;
  private final Section root;

  private Settings(String source, Reading reading, Section root) {
    this.source = source;
    this.reading = reading;
    this.root = root;
  }

  /**
   * Reads {@code file}, at most 1 MiB of UTF-8.
   *
   * @param environment the process's, or nothing for files that it does not reach
   * @throws ConfigException when there is no such file, it cannot be read, or it is not such YAML
   */
  public static Settings read(Path file, Map<String, String> environment) {
    byte[] yaml;
    try (InputStream in = Files.newInputStream(file)) {
      yaml = in.readNBytes(YamlReader.MOST_BYTES + 1);
    } catch (NoSuchFileException e) {
      throw new ConfigException(file.toString(), List.of("there is no such file"));
    } catch (IOException e) {
      throw new ConfigException(
          file.toString(), List.of("cannot be read: " + e.getClass().getSimpleName()));
    }
    return parse(file.toString(), yaml, environment);
  }

  /**
   * Reads a file's content.
   *
   * @param source what to call it in messages
   * @throws ConfigException when it is not such YAML
   */
  public static Settings parse(String source, byte[] yaml, Map<String, String> environment) {
    try {
      Reading reading = new Reading(environment, OTHERS);
      return new Settings(source, reading, new Section(reading, "", YamlReader.read(yaml)));
    } catch (YamlReader.Refused e) {
      throw new ConfigException(source, List.of("line " + e.line() + ": " + e.problem()));
    }
  }

  /** The keys without a dot. */
  public Section root() {
    return root;
  }

  /** Every key asked for so far with what it allows: names of the file's choice included. */
  public Map<String, String> known() {
    return reading.known();
  }

  /**
   * {@link #finish()} for who needs one section of a file: what stands beside it is not looked at,
   * and neither are variables that nobody asked for.
   *
   * @throws ConfigException with every problem in it
   */
  public void finish(Section only) {
    only.refuseUnread();
    refuseProblems();
  }

  /**
   * To be called once everything is read, and before anything read is used.
   *
   * @throws ConfigException with every problem there is
   */
  public void finish() {
    root.refuseUnread();
    reading.refuseUnusedVariables();
    refuseProblems();
  }

  private void refuseProblems() {
    List<String> problems = reading.problems();
    if (!problems.isEmpty()) {
      throw new ConfigException(source, problems);
    }
  }
}
