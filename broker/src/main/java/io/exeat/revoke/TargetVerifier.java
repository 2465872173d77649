package io.exeat.revoke;

import io.exeat.base.Epoch;
import io.exeat.base.Health;
import io.exeat.base.SecretBytes;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Closes and looks at one target with an identity of its own: what Vault says is not proof.
 *
 * <p>All calls are bounded by a time limit and throw {@link io.exeat.base.FaultException}
 * Unavailable TARGET when the target cannot be asked.
 */
public interface TargetVerifier extends AutoCloseable {
  /**
   * Shuts the door before anything is dropped: nobody can log in any more as what {@code mark}
   * names, and that is committed when this returns. Sessions of it may be ended already, those that
   * are in the way at the latest. Nothing there is no fault.
   */
  void shut(Mark mark);

  /** Ends every session of what {@code mark} names, orphans included, and says what is left. */
  Sighting look(Mark mark);

  /**
   * The same, and tries to get in as an agent would, with what it was lent, as what is there still
   * and is said to be shut: who is let in is alive.
   *
   * @param lent passwords by principal, as far as they are known, lent
   */
  default Sighting look(Mark mark, Map<String, SecretBytes> lent) {
    return look(mark);
  }

  /** Asks how far the target's wall clock is ahead of ours; less than zero when behind. */
  Duration clockAhead();

  /** How many calls it takes at a time; the next one would wait. */
  default int atOnce() {
    return 8;
  }

  /** Whether the target could be asked when it was last tried. */
  Health health();

  @Override
  void close();

  /**
   * Which principals: all of an epoch, known and unknown, or one of them.
   *
   * @param principal one exact name; empty for every name that carries the epoch's label
   * @param known those that are known of and not proven dead, for targets where names carry nothing
   */
  record Mark(Epoch epoch, Optional<String> principal, List<Known> known) {
    public Mark {
      known = List.copyOf(known);
    }

    public Mark(Epoch epoch, Optional<String> principal) {
      this(epoch, principal, List.of());
    }
  }

  /**
   * A principal that was lent.
   *
   * @param grant what for, by its name
   * @param expiresAt when it ends by itself
   */
  record Known(String principal, String grant, Instant expiresAt) {}

  /**
   * What was seen.
   *
   * @param alive what is still there, for people, such as {@code role x-… can log in}; empty when
   *     dead
   * @param ending what nobody can take back and has not ended by itself yet, for people
   * @param checks what was looked at and seen, for the receipt, such as {@code pg_roles: 0 roles}
   */
  record Sighting(List<String> alive, List<String> ending, List<String> checks) {
    public Sighting {
      alive = List.copyOf(alive);
      ending = List.copyOf(ending);
      checks = List.copyOf(checks);
    }

    public Sighting(List<String> alive, List<String> checks) {
      this(alive, List.of(), checks);
    }

    public boolean dead() {
      return alive.isEmpty() && ending.isEmpty();
    }
  }
}
