package io.exeat.revoke.postgres;

import io.exeat.revoke.TargetVerifier.Mark;
import io.exeat.revoke.TargetVerifier.Sighting;
import java.util.ArrayList;
import java.util.List;

/** What {@code exeat.look} answers. */
record Seen(List<String> roles, List<String> able, int sessions, int orphans, int ended) {
  /** In words. */
  Sighting sighting(String target, Mark mark) {
    List<String> alive = new ArrayList<>();
    able.forEach(role -> alive.add("role " + role + " can log in"));
    if (sessions > 0) {
      alive.add(sessions + " sessions of " + String.join(", ", roles));
    }
    if (orphans > 0) {
      alive.add(orphans + " sessions of roles that are gone");
    }
    String what = mark.principal().orElse("x-" + mark.epoch().label() + "-*");
    return new Sighting(
        alive,
        List.of(
            "pg_roles at "
                + target
                + ": "
                + roles.size()
                + " roles "
                + what
                + ", "
                + able.size()
                + " may log in",
            "pg_stat_activity at "
                + target
                + ": "
                + sessions
                + " sessions of them, "
                + orphans
                + " of roles that are gone, "
                + ended
                + " ended"));
  }
}
