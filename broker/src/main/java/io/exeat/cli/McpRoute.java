package io.exeat.cli;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/**
 * The way to one tool server through the gateway.
 *
 * @param upstream its name in the catalogue
 * @param task under which; empty for the only one that the agent has
 */
record McpRoute(Path socket, String upstream, Optional<String> task) {
  /** Names the task that a request is made under. */
  static final String TASK = "Exeat-Task";

  String path() {
    return "/" + upstream + "/mcp";
  }

  /** One request, on a connection of its own. */
  UnixHttp send(String method, Map<String, String> headers, String body, UnixHttp.Opened opened)
      throws IOException {
    Map<String, String> all = new LinkedHashMap<>(headers);
    task.ifPresent(it -> all.put(TASK, it));
    return UnixHttp.send(
        socket, method, path(), all, body.getBytes(StandardCharsets.UTF_8), opened);
  }
}
