package io.exeat.config;

import java.util.List;

/** A file or environment that is not as it must be; every problem of it, for people. */
public final class ConfigException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final String source;
  private final transient List<String> problems;

  /**
   * @param source what was read, such as the file's name
   * @param problems one line each, with line number, key, and what is allowed; no secret
   */
  public ConfigException(String source, List<String> problems) {
    super(
        source
            + ": "
            + (problems.size() == 1 ? "1 problem" : problems.size() + " problems")
            + "\n  "
            + String.join("\n  ", problems));
    this.source = source;
    this.problems = List.copyOf(problems);
  }

  /** What was read. */
  public String source() {
    return source;
  }

  /** One line each. */
  public List<String> problems() {
    return problems;
  }
}
