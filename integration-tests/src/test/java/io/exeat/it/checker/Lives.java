package io.exeat.it.checker;

import java.time.Instant;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** Since when each role is dead: it may not log in, or is not there, and has no session. */
final class Lives {
  private final Set<String> alive = new HashSet<>();
  private final Map<String, Instant> dead = new HashMap<>();

  synchronized void saw(DatabaseEye.Sight sight) {
    Instant now = Instant.now();
    sight.roles().keySet().stream().filter(sight::alive).forEach(this::isAlive);
    sight.sessions().keySet().forEach(this::isAlive);
    alive.removeIf(role -> {
      boolean over = !sight.alive(role);
      if (over) {
        dead.put(role, now);
      }
      return over;
    });
  }

  private void isAlive(String role) {
    alive.add(role);
    dead.remove(role);
  }

  /** When it was first seen dead after it was last seen alive; empty if never. */
  synchronized Optional<Instant> deadAt(String role) {
    return Optional.ofNullable(dead.get(role));
  }
}
