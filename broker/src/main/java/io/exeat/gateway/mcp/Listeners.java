package io.exeat.gateway.mcp;

import io.exeat.base.FaultException;
import io.exeat.base.Time;
import io.exeat.flow.ProxyRequests;
import io.exeat.flow.Standing;
import io.exeat.task.UpstreamEntry;
import java.time.Duration;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Tells clients that listen when policy, the catalogue or what their task did makes the lists that
 * they were shown others. What was shown is kept as a hash for each session or task, to its end.
 */
final class Listeners {
  private static final Logger LOG = LoggerFactory.getLogger(Listeners.class);
  static final int MOST_PLACES = 2_000;

  /** A policy may go by how long a task has been open, which changes without anything else. */
  private static final Duration AGAIN = Duration.ofMinutes(1);

  private static final Duration UNSURE_AGAIN = Duration.ofSeconds(5);

  /** A task that acts all the time has its lists decided anew this often, and not more often. */
  private static final Duration ACTS_AGAIN = Duration.ofSeconds(5);

  /** The same where each item is asked of an engine elsewhere. */
  private static final Duration ACTS_AGAIN_ELSEWHERE = Duration.ofSeconds(30);

  private final InForce inForce;
  private final ProxyRequests flow;
  private final Sessions sessions;
  private final Definitions definitions;
  private final Listing listing;
  private final Time time;
  private final Map<Definitions.Place, Spot> spots = new LinkedHashMap<>();
  private final Looks looks = new Looks(this::look);

  Listeners(
      InForce inForce,
      ProxyRequests flow,
      Sessions sessions,
      Definitions definitions,
      Listing listing,
      Time time) {
    this.inForce = inForce;
    this.flow = flow;
    this.sessions = sessions;
    this.definitions = definitions;
    this.listing = listing;
    this.time = time;
  }

  private Spot.Origin origin(Standing standing, Optional<Object> defined) {
    return new Spot.Origin(inForce.policy().get(), inForce.catalogue().get(), standing, defined);
  }

  /**
   * What a list comes from of which a page is about to be shown: from its first page on.
   *
   * @return empty when that is not known any more
   */
  Optional<Spot.Origin> begun(Caller caller, String method, boolean first) {
    if (first) {
      return flow.standing(caller.task()).map(it -> origin(it, Optional.empty()));
    }
    synchronized (this) {
      return Optional.ofNullable(spot(caller).begun.remove(method));
    }
  }

  /** The client is shown a page that is not the last one. */
  synchronized void goesOn(Caller caller, String method, Optional<Spot.Origin> begun) {
    begun.ifPresent(it -> spot(caller).begun.put(method, it));
  }

  /** The client is shown the last page of a list. */
  void listed(Caller caller, ListKind kind, Optional<Spot.Origin> begun) {
    String now = listing.seen(caller.entry(), caller.viewer(), kind).orElse("");
    boolean same = begun.isPresent() && begun.equals(begun(caller, "", true));
    String seen = same ? now : ""; // unknown what was shown, so one notice too many at worst
    synchronized (this) {
      Spot spot = spot(caller);
      spot.origin = Optional.empty();
      if (spot.open.isEmpty()) {
        spot.shown.put(kind, seen);
      } else {
        spot.shown.putIfAbsent(kind, seen); // who listens was not told yet of what differs
      }
    }
  }

  private Spot spot(Caller caller) {
    Spot there =
        spots.computeIfAbsent(
            caller.place(), _ -> new Spot(caller, time.after(AGAIN), time.after(Duration.ZERO)));
    if (spots.size() > MOST_PLACES) {
      oldest(spot -> spot != there && spot.task.equals(there.task)) // nobody pushes others out
          .or(() -> oldest(spot -> spot != there))
          .ifPresent(spots::remove);
    }
    return there;
  }

  /** Of those where nobody listens. */
  private Optional<Definitions.Place> oldest(Predicate<Spot> among) {
    return spots.entrySet().stream()
        .filter(each -> each.getValue().open.isEmpty() && among.test(each.getValue()))
        .map(Map.Entry::getKey)
        .findFirst();
  }

  /** It may be told of what changes, and of what has changed since lists were shown there. */
  synchronized void join(Listener listener) {
    Spot spot = spot(listener.caller());
    spot.open.add(listener);
    spot.origin = Optional.empty();
    looks.at(listener.caller().place());
  }

  synchronized void leave(Listener listener) {
    Spot spot = spots.get(listener.caller().place());
    if (spot != null) {
      spot.open.remove(listener);
      spot.origin = Optional.empty(); // it holds a whole catalogue
      spot.again = time.after(Duration.ZERO);
    }
  }

  /** The stream has ended before it told of these; another one is to. */
  synchronized void untold(Listener listener, Set<ListKind> kinds) {
    Spot spot = spots.get(listener.caller().place());
    if (spot != null) {
      kinds.forEach(kind -> spot.shown.put(kind, ""));
      spot.origin = Optional.empty();
    }
  }

  /** What a stream that ends with its epoch still has to say. */
  synchronized Set<ListKind> lastWords(Listener listener) {
    Spot spot = spots.get(listener.caller().place());
    return spot != null && spot.told().contains(listener)
        ? Set.copyOf(spot.shown.keySet())
        : Set.of();
  }

  /**
   * Looks whether lists would be others now; returns at once. Where nobody listens it looks once in
   * a while, whether somebody still can.
   */
  synchronized void look() {
    spots.forEach((place, spot) -> {
      if (!spot.open.isEmpty() || time.reached(spot.again)) {
        looks.at(place);
      }
    });
  }

  /** Whether a look is under way. */
  boolean isLooking() {
    return looks.areUnderWay();
  }

  /** Where lists were shown to clients that may still be there. */
  synchronized List<Definitions.Place> places() {
    return List.copyOf(spots.keySet());
  }

  private void look(Definitions.Place place) {
    try {
      Spot spot;
      synchronized (this) {
        spot = spots.get(place);
      }
      if (spot != null) {
        look(place, spot);
      }
    } catch (FaultException e) {
      LOG.debug("The lists of {} cannot be foreseen now", place.upstream(), e);
    } catch (RuntimeException | Error e) { // a defect in one place must not stop the others
      LOG.error("Looking at the lists of {} failed", place.upstream(), e);
    }
  }

  private void look(Definitions.Place place, Spot spot) {
    Optional<Standing> standing = flow.standing(spot.task);
    if (standing.isEmpty() || isOver(place, spot, standing.get())) {
      forget(place, spot);
      return;
    }
    Spot.Origin origin = origin(standing.get(), definitions.known(place));
    Caller caller;
    Map<ListKind, String> before;
    synchronized (this) {
      boolean other = spot.isOther(origin, true);
      boolean due =
          time.reached(spot.again) || (other && spot.isOther(origin, time.reached(spot.actsAgain)));
      if (spot.open.isEmpty()) {
        spot.again = time.after(AGAIN);
        spot.begun.clear(); // each holds a whole catalogue
        return;
      }
      if (!standing.get().isOpen()) {
        return;
      }
      if (due || !other) {
        spot.origin = Optional.of(origin); // if equal, then the next time it is so at first sight
      }
      if (!due) {
        return;
      }
      spot.again = time.after(UNSURE_AGAIN);
      spot.actsAgain = time.after(flow.decidesHere() ? ACTS_AGAIN : ACTS_AGAIN_ELSEWHERE);
      caller = spot.open.getFirst().caller();
      before = new EnumMap<>(spot.shown);
    }
    compare(spot, before, seen(origin, caller, before.keySet()));
  }

  /** Whether no client can come back to where these lists were shown. */
  private boolean isOver(Definitions.Place place, Spot spot, Standing standing) {
    return spot.session.isPresent()
        && sessions
            .find(spot.session.get(), place.upstream())
            .filter(session -> session.epoch().equals(standing.epoch()))
            .isEmpty();
  }

  /** Ends the streams; once they have ended, nothing is kept. */
  private void forget(Definitions.Place place, Spot spot) {
    List<Listener> open;
    synchronized (this) {
      open = List.copyOf(spot.open);
      if (open.isEmpty()) {
        spots.remove(place, spot);
      }
    }
    open.forEach(Listener::end);
  }

  private Map<ListKind, Optional<String>> seen(
      Spot.Origin now, Caller caller, Set<ListKind> kinds) {
    UpstreamEntry entry = now.catalogue().upstreams().get(caller.entry().name());
    Map<ListKind, Optional<String>> seen = new EnumMap<>(ListKind.class);
    for (ListKind kind : kinds) {
      if (entry == null) {
        seen.put(kind, Optional.of("gone"));
      } else if (kind != ListKind.TOOLS || !entry.pinned() || now.definitions().isPresent()) {
        seen.put(kind, listing.seen(entry, caller.viewer(), kind));
      } // else once somebody has asked for the definitions, which is another origin
    }
    return seen;
  }

  private void compare(
      Spot spot, Map<ListKind, String> before, Map<ListKind, Optional<String>> now) {
    Set<ListKind> changed = EnumSet.noneOf(ListKind.class);
    List<Listener> told;
    synchronized (this) {
      now.forEach((kind, seen) -> {
        if (seen.isPresent() && !seen.get().equals(before.get(kind))) {
          spot.shown.put(kind, seen.get());
          changed.add(kind);
        }
      });
      if (now.values().stream().allMatch(Optional::isPresent)) {
        spot.again = time.after(AGAIN);
      }
      told = spot.told();
    }
    if (!changed.isEmpty()) {
      told.forEach(listener -> listener.tell(changed));
    }
  }
}
