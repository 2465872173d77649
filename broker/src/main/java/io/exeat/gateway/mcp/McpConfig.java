package io.exeat.gateway.mcp;

import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/**
 * Where agents reach tool servers.
 *
 * @param socket in a directory of the broker's own, as the agents' own socket is
 * @param more beside it: one for each further container that is the agent
 */
public record McpConfig(Path socket, List<Path> more) {
  /** All of them; each is the same door. */
  public List<Path> sockets() {
    return Stream.concat(Stream.of(socket), more.stream()).toList();
  }
}
