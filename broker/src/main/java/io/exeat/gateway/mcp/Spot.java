package io.exeat.gateway.mcp;

import io.exeat.base.TaskId;
import io.exeat.flow.Standing;
import io.exeat.task.Catalogue;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Where lists are shown, and who listens there; guarded by {@link Listeners}. */
final class Spot {
  final TaskId task;
  final Optional<String> session;
  final Map<ListKind, String> shown = new EnumMap<>(ListKind.class);

  /** What lists come from of which the last page was not shown yet, by method. */
  final Map<String, Origin> begun = new HashMap<>();

  final List<Listener> open = new ArrayList<>();
  Optional<Origin> origin = Optional.empty();
  long again;
  long actsAgain;

  /** What a list comes from: while that is the same, the list is. */
  record Origin(
      String policy, Catalogue catalogue, Standing standing, Optional<Object> definitions) {
    /** Whether nothing else changed than what the task did. */
    boolean isLike(Origin other) {
      return policy.equals(other.policy)
          && catalogue.equals(other.catalogue)
          && standing.epoch().equals(other.standing.epoch())
          && definitions.equals(other.definitions);
    }
  }

  /**
   * @param again when it is looked at again in any case
   * @param actsAgain from when on it is looked at again for what its task did
   */
  Spot(Caller caller, long again, long actsAgain) {
    this.task = caller.task();
    this.session = caller.session().map(Sessions.Session::id);
    this.again = again;
    this.actsAgain = actsAgain;
  }

  /**
   * Whether its lists were last looked at as something else made them.
   *
   * @param acts whether what the task did counts
   */
  boolean isOther(Origin now, boolean acts) {
    return origin.filter(last -> acts ? last.equals(now) : last.isLike(now)).isEmpty();
  }

  /**
   * Of a session's streams a message goes to one alone (2025-11-25, transports); every subscription
   * has its own.
   */
  List<Listener> told() {
    return session.isPresent() && !open.isEmpty() ? List.of(open.getLast()) : List.copyOf(open);
  }
}
