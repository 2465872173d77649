package io.exeat.gateway.relay;

import io.exeat.attest.Agent;
import io.exeat.attest.Attestor;
import io.exeat.base.Subscription;
import io.exeat.base.TaskId;
import io.netty.channel.EventLoopGroup;
import io.netty.util.concurrent.Future;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;

/**
 * The attested instances that are there now, a {@link Link} each: a connection, and the watch for
 * its end. One that has no task to end and has not called for a while is retired; where it has
 * some, the broker is asked now and then whether it has ended them.
 */
final class Links implements AutoCloseable {

  private static final int KEEP_EVERY_MILLIS = 1000;

  /** More than a link takes for it. */
  private static final int END_SECONDS = 5;

  private final Attestor attestor;
  private final Link.Connect connect;
  private final EventLoopGroup loops;
  private final Executor work;
  private final int retireAfter;

  /** Another one each time that the sidecar starts: it ends what it does not know any more. */
  private final String run = UUID.randomUUID().toString();

  private final ConcurrentMap<Agent, Kept> links = new ConcurrentHashMap<>();
  private final Retired retired = new Retired();
  private final Future<?> keeping;

  /** Its counts are only looked at and changed where the map computes its entry. */
  private static final class Kept {
    final Link link;
    final Subscription whenGone;
    int calls;
    int idleRounds;

    Kept(Link link, Subscription whenGone) {
      this.link = link;
      this.whenGone = whenGone;
    }

    Kept called(int more) {
      calls += more;
      idleRounds = 0;
      return this;
    }

    Due round(int rounds) {
      idleRounds = calls == 0 ? idleRounds + 1 : 0;
      if (idleRounds < rounds) {
        return Due.KEEP;
      }
      if (link.handles().endNothing()) {
        return Due.RETIRE;
      }
      return idleRounds % rounds == 0 ? Due.ASK : Due.KEEP;
    }
  }

  /** What a link needs in one round. */
  private enum Due {
    KEEP,
    ASK,
    RETIRE
  }

  /**
   * @param idle how long a link is kept that nobody needs, in whole seconds
   */
  Links(
      Attestor attestor, Link.Connect connect, EventLoopGroup loops, Executor work, Duration idle) {
    this.attestor = attestor;
    this.connect = connect;
    this.loops = loops;
    this.work = work;
    this.retireAfter = Math.toIntExact(idle.toMillis() / KEEP_EVERY_MILLIS);
    this.keeping =
        loops.scheduleWithFixedDelay(
            () -> links.keySet().forEach(agent -> work.execute(() -> keep(agent))),
            KEEP_EVERY_MILLIS,
            KEEP_EVERY_MILLIS,
            TimeUnit.MILLISECONDS);
  }

  private void keep(Agent agent) {
    Map<Kept, Due> found = new HashMap<>(1);
    var _ =
        links.computeIfPresent(
            agent,
            (key, known) -> {
              Due due = known.round(retireAfter);
              found.put(known, due);
              if (due != Due.RETIRE) {
                return known;
              }
              retired.add(agent, known.link.handles());
              return null;
            });
    found.forEach((kept, due) -> {
      switch (due) {
        case KEEP -> kept.link.keep();
        case ASK -> kept.link.ask();
        case RETIRE -> {
          kept.whenGone.close();
          kept.link.close();
        }
      }
    });
  }

  /**
   * The link of an instance that was attested just now, for one call; {@link #leave} must follow.
   */
  Link use(Agent agent) {
    return links.compute(agent, (key, known) -> (known == null ? begin(agent) : known).called(1))
        .link;
  }

  /** The call is over. */
  void leave(Link link) {
    var _ =
        links.computeIfPresent(
            link.agent(), (key, known) -> known.link == link ? known.called(-1) : known);
  }

  private Kept begin(Agent agent) {
    String name = Keys.digest(run + "\n" + agent.instance()); // the same when it comes back
    Link fresh = new Link(agent, name, () -> attestor.svidOf(agent), connect, retired.take(agent));
    // whenGone can call at once; then the link is ended and the caller is told so when it uses it.
    return new Kept(
        fresh, attestor.whenGone(agent, reason -> work.execute(() -> gone(agent, fresh, reason))));
  }

  private void gone(Agent agent, Link link, String reason) {
    link.end(reason);
    var _ =
        links.computeIfPresent(
            agent,
            (key, known) -> {
              if (known.link != link) {
                return known;
              }
              known.whenGone.close();
              return null;
            });
  }

  /** Whether another instance of the same agent holds the task for itself. */
  boolean boundElsewhere(Link mine, TaskId task) {
    return retired.isBound(mine.agent().id(), task)
        || links.values().stream()
            .map(kept -> kept.link)
            .filter(link -> link != mine && link.agent().id().equals(mine.agent().id()))
            .anyMatch(link -> link.handles().isBound(task));
  }

  /** How many there are. */
  int size() {
    return links.size();
  }

  /** Runs {@code then} on a thread that may wait. */
  void after(Duration pause, Runnable then) {
    var _ = loops.schedule(() -> work.execute(then), pause.toMillis(), TimeUnit.MILLISECONDS);
  }

  @Override
  public void close() {
    keeping.cancel(false);
    List<Kept> all = List.copyOf(links.values());
    CompletableFuture<?>[] ends =
        all.stream()
            .map(kept -> kept.link)
            .map(link -> CompletableFuture.runAsync(() -> link.end("its sidecar stops"), work))
            .toArray(CompletableFuture<?>[]::new);
    var _ =
        CompletableFuture.allOf(ends)
            .orTimeout(END_SECONDS, TimeUnit.SECONDS)
            .handle((ended, thrown) -> true)
            .join();
    all.forEach(kept -> {
      kept.whenGone.close();
      kept.link.close();
    });
    links.clear();
  }
}
