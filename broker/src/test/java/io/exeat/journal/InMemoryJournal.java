package io.exeat.journal;

import io.exeat.base.Accessor;
import io.exeat.base.CredentialId;
import io.exeat.base.Durable;
import io.exeat.base.Epoch;
import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import io.exeat.credential.Held;
import io.spiffe.spiffeid.SpiffeId;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;

/**
 * A journal without a disk, which tells its story: {@code journal intend e1}, {@code journal lent},
 * one line a call, refused ones included.
 */
public final class InMemoryJournal implements Journal {
  private final Consumer<String> story;
  private final Map<Epoch, Outstanding> outstanding = new LinkedHashMap<>();
  private final Set<Accessor> sessions = new LinkedHashSet<>();
  private final Map<SpiffeId, Kill> kills = new LinkedHashMap<>();
  private Optional<String> problem = Optional.empty();
  private Optional<String> later = Optional.empty();

  public InMemoryJournal() {
    this(_ -> {});
  }

  /**
   * @param story gets one line a call, in order
   */
  public InMemoryJournal(Consumer<String> story) {
    this.story = story;
  }

  /** From now on facts that add are refused; those that end are not. */
  public synchronized void breakDown(String why) {
    problem = Optional.of(why);
  }

  /** From now on facts that add are taken, but found not to be durable once awaited. */
  public synchronized void failWhenAwaited(String why) {
    later = Optional.of(why);
  }

  /** Facts that add are taken again. */
  public synchronized void mend() {
    problem = Optional.empty();
    later = Optional.empty();
  }

  @Override
  public synchronized void session(Accessor session) {
    story.accept("journal session");
    refuseIfBroken();
    sessions.add(session);
  }

  @Override
  public synchronized void sessionEnded(Accessor session) {
    story.accept("journal sessionEnded");
    sessions.remove(session);
  }

  @Override
  public synchronized Durable intend(Epoch epoch, SpiffeId agent, Set<String> targets) {
    story.accept("journal intend e" + epoch.number());
    refuseIfBroken();
    outstanding.putIfAbsent(
        epoch,
        new Outstanding(epoch, agent, targets, Optional.empty(), List.of(), Optional.empty()));
    return durable();
  }

  @Override
  public synchronized Durable bind(Epoch epoch, Accessor token) {
    story.accept("journal bind e" + epoch.number());
    refuseIfBroken();
    Outstanding old = known(epoch);
    outstanding.put(
        epoch,
        new Outstanding(
            epoch, old.agent(), old.targets(), Optional.of(token), old.credentials(), old.cause()));
    return durable();
  }

  @Override
  public synchronized Durable lent(Held credential) {
    story.accept("journal lent e" + credential.epoch().number());
    refuseIfBroken();
    Outstanding old = known(credential.epoch());
    if (old.credentials().stream().noneMatch(held -> held.id().equals(credential.id()))) {
      List<Held> credentials = new ArrayList<>(old.credentials());
      credentials.add(old.cause().isPresent() ? in(credential, Held.State.REVOKING) : credential);
      replaceCredentials(old, credentials, old.cause());
    }
    return durable();
  }

  @Override
  public synchronized void ending(Epoch epoch, String cause) {
    story.accept("journal ending e" + epoch.number());
    Outstanding old = outstanding.get(epoch);
    if (old != null && old.cause().isEmpty()) {
      replaceCredentials(
          old,
          old.credentials().stream()
              .map(held -> held.state() == Held.State.ACTIVE ? in(held, Held.State.REVOKING) : held)
              .toList(),
          Optional.of(cause));
    }
  }

  @Override
  public synchronized void dead(CredentialId credential, Instant at) {
    story.accept("journal dead");
    for (Outstanding each : List.copyOf(outstanding.values())) {
      replaceCredentials(
          each,
          each.credentials().stream()
              .map(held -> held.id().equals(credential) ? dead(held, at) : held)
              .toList(),
          each.cause());
    }
  }

  @Override
  public synchronized void settled(Epoch epoch) {
    story.accept("journal settled e" + epoch.number());
    outstanding.remove(epoch);
  }

  @Override
  public synchronized void killed(Kill kill) {
    story.accept("journal killed");
    kills.putIfAbsent(kill.agent(), kill);
  }

  @Override
  public synchronized void restored(SpiffeId agent) {
    story.accept("journal restored");
    refuseIfBroken();
    kills.remove(agent);
  }

  @Override
  public synchronized List<Kill> kills() {
    return List.copyOf(kills.values());
  }

  @Override
  public synchronized List<Outstanding> outstanding() {
    return List.copyOf(outstanding.values());
  }

  @Override
  public synchronized List<Accessor> sessions() {
    return List.copyOf(sessions);
  }

  @Override
  public synchronized Optional<String> problem() {
    return problem;
  }

  @Override
  public void close() {}

  private void refuseIfBroken() {
    refuse(problem);
  }

  private Durable durable() {
    Optional<String> failure = later;
    return () -> refuse(failure);
  }

  private static void refuse(Optional<String> why) {
    why.ifPresent(reason -> {
      throw new FaultException(
          new Fault.Unavailable(Fault.Dependency.JOURNAL, reason, Duration.ofSeconds(1)));
    });
  }

  private Outstanding known(Epoch epoch) {
    Outstanding known = outstanding.get(epoch);
    if (known == null) {
      throw new IllegalStateException(epoch + " is not written down");
    }
    return known;
  }

  private void replaceCredentials(Outstanding old, List<Held> credentials, Optional<String> cause) {
    outstanding.put(
        old.epoch(),
        new Outstanding(old.epoch(), old.agent(), old.targets(), old.token(), credentials, cause));
  }

  private static Held dead(Held held, Instant at) {
    return held.deadAt().isPresent() ? held : with(held, Held.State.REVOKED, Optional.of(at));
  }

  private static Held in(Held held, Held.State state) {
    return with(held, state, held.deadAt());
  }

  private static Held with(Held held, Held.State state, Optional<Instant> deadAt) {
    return new Held(
        held.id(),
        held.epoch(),
        held.grant(),
        held.target(),
        held.lease(),
        held.principal(),
        held.kind(),
        state,
        held.issuedAt(),
        held.expiresAt(),
        deadAt);
  }
}
