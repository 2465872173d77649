package io.exeat.gateway.grpc;

import java.nio.file.Path;
import java.util.Optional;

/**
 * Where agents of this host or pod call.
 *
 * @param socket in a directory of the broker's own: mode 0750, no symbolic link, made when missing
 * @param group that may use the socket and see its directory, by name; the broker's own unless
 *     given
 */
public record UnixDoorConfig(Path socket, Optional<String> group) {}
