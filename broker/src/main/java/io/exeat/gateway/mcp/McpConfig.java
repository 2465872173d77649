package io.exeat.gateway.mcp;

import java.nio.file.Path;

/**
 * Where agents reach tool servers.
 *
 * @param socket in a directory of the broker's own, as the agents' own socket is
 */
public record McpConfig(Path socket) {}
