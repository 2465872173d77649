package io.exeat.identity.development;

import io.spiffe.spiffeid.SpiffeId;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * A registration entry: processes that match all selectors given are entitled to {@code id}.
 *
 * @param uid as SPIRE's {@code unix:uid}
 * @param path the executable, as SPIRE's {@code unix:path}
 * @param pid one process alone, for tests in which several agents share a uid and an executable
 * @param x509Life of each X.509-SVID; renewed at half of it
 */
public record Entry(
    SpiffeId id,
    OptionalInt uid,
    Optional<Path> path,
    OptionalInt pid,
    String hint,
    Duration x509Life,
    Duration jwtLife) {

  /**
   * Whoever runs as {@code uid}; SVIDs of an hour, JWT-SVIDs of five minutes, as SPIRE's defaults.
   */
  public static Entry ofUid(SpiffeId id, int uid) {
    return new Entry(
        id,
        OptionalInt.of(uid),
        Optional.empty(),
        OptionalInt.empty(),
        "",
        Duration.ofHours(1),
        Duration.ofMinutes(5));
  }

  /** The process {@code pid} alone. */
  public static Entry ofPid(SpiffeId id, int pid) {
    return new Entry(
        id,
        OptionalInt.empty(),
        Optional.empty(),
        OptionalInt.of(pid),
        "",
        Duration.ofHours(1),
        Duration.ofMinutes(5));
  }

  /** The same for one executable alone. */
  public Entry withPath(Path executable) {
    return new Entry(id, uid, Optional.of(executable), pid, hint, x509Life, jwtLife);
  }

  /** The same with a hint. */
  public Entry withHint(String label) {
    return new Entry(id, uid, path, pid, label, x509Life, jwtLife);
  }

  /** The same with X.509-SVIDs of another life. */
  public Entry withLife(Duration life) {
    return new Entry(id, uid, path, pid, hint, life, jwtLife);
  }

  boolean matches(Caller caller) {
    return (uid.isEmpty() || uid.getAsInt() == caller.uid())
        && (pid.isEmpty() || pid.getAsInt() == caller.pid())
        && (path.isEmpty() || path.equals(caller.path()));
  }
}
