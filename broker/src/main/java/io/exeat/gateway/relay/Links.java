package io.exeat.gateway.relay;

import io.exeat.attest.Agent;
import io.exeat.attest.Attestor;
import io.exeat.base.Subscription;
import io.exeat.base.TaskId;
import io.exeat.identity.Svid;
import io.grpc.ManagedChannel;
import io.netty.channel.EventLoopGroup;
import io.netty.util.concurrent.Future;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;

/** The attested instances that are there now, a {@link Link} each. */
final class Links implements AutoCloseable {

  private static final int KEEP_EVERY_MILLIS = 1000;

  private final Attestor attestor;
  private final Function<Svid, ManagedChannel> connect;
  private final Executor work;
  private final ConcurrentMap<Agent, Kept> links = new ConcurrentHashMap<>();
  private final Future<?> keeping;

  private record Kept(Link link, Subscription whenGone) {}

  Links(
      Attestor attestor,
      Function<Svid, ManagedChannel> connect,
      EventLoopGroup loops,
      Executor work) {
    this.attestor = attestor;
    this.connect = connect;
    this.work = work;
    this.keeping =
        loops.scheduleWithFixedDelay(
            this::keep, KEEP_EVERY_MILLIS, KEEP_EVERY_MILLIS, TimeUnit.MILLISECONDS);
  }

  private void keep() {
    links.values().forEach(kept -> work.execute(kept.link::keep));
  }

  /** The link of an instance that was attested just now. */
  Link of(Agent agent) {
    Kept known = links.get(agent);
    if (known != null) {
      return known.link;
    }
    Link fresh = new Link(agent, () -> attestor.svidOf(agent), connect);
    // whenGone can call at once; then the link is ended and the caller is told so when it uses it.
    Subscription watching =
        attestor.whenGone(agent, reason -> work.execute(() -> gone(agent, fresh, reason)));
    Kept raced = links.putIfAbsent(agent, new Kept(fresh, watching));
    if (raced != null) {
      watching.close();
      return raced.link;
    }
    return fresh;
  }

  private void gone(Agent agent, Link link, String reason) {
    link.end(reason);
    Kept kept = links.get(agent);
    if (kept != null && kept.link == link) {
      links.remove(agent, kept);
      kept.whenGone.close();
    }
  }

  /** Whether another instance of the same agent holds the task for itself. */
  boolean boundElsewhere(Link mine, TaskId task) {
    return links.values().stream()
        .map(Kept::link)
        .filter(link -> link != mine && link.agent().id().equals(mine.agent().id()))
        .anyMatch(link -> link.handles().isBound(task));
  }

  @Override
  public void close() {
    keeping.cancel(false);
    links
        .values()
        .forEach(kept -> {
          kept.whenGone.close();
          kept.link.close();
        });
    links.clear();
  }
}
