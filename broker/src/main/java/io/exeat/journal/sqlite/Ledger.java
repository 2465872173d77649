package io.exeat.journal.sqlite;

import io.exeat.base.Accessor;
import io.exeat.base.CredentialId;
import io.exeat.base.Epoch;
import io.exeat.base.GroupCommit;
import io.exeat.credential.Held;
import io.exeat.journal.Journal.Outstanding;
import io.exeat.journal.Kill;
import io.spiffe.spiffeid.SpiffeId;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** What the facts add up to; in memory, so that looking needs no disk. Safe for several threads. */
final class Ledger {
  private final Set<Accessor> sessions = new LinkedHashSet<>();
  private final Map<SpiffeId, Kill> kills = new HashMap<>();
  private final Map<Epoch, Outstanding> epochs = new LinkedHashMap<>();
  private final Map<CredentialId, Epoch> owners = new HashMap<>();

  /** Whether applying {@code fact} would make a difference. */
  synchronized boolean changes(Fact fact) {
    return switch (fact) {
      case Fact.Session it -> !sessions.contains(it.session());
      case Fact.SessionEnded it -> sessions.contains(it.session());
      case Fact.Intended it -> !epochs.containsKey(it.epoch());
      case Fact.Bound it -> !Optional.of(it.token()).equals(known(it.epoch()).token());
      case Fact.Lent it -> {
        Outstanding of = known(it.credential().epoch());
        yield of.credentials().stream().noneMatch(held -> held.id().equals(it.credential().id()));
      }
      case Fact.Ending it -> {
        Outstanding of = epochs.get(it.epoch());
        yield of != null && of.cause().isEmpty();
      }
      case Fact.Dead it -> {
        Outstanding of = ofCredential(it.credential());
        yield of != null
            && of.credentials().stream()
                .anyMatch(held -> held.id().equals(it.credential()) && held.deadAt().isEmpty());
      }
      case Fact.Settled it -> epochs.containsKey(it.epoch());
      case Fact.Killed it -> !kills.containsKey(it.kill().agent());
      case Fact.Restored it -> kills.containsKey(it.agent());
    };
  }

  /** Applies {@code fact}; one that changes nothing is passed over. */
  synchronized void apply(Fact fact) {
    if (!changes(fact)) {
      return;
    }
    switch (fact) {
      case Fact.Session it -> sessions.add(it.session());
      case Fact.SessionEnded it -> sessions.remove(it.session());
      case Fact.Intended it ->
          epochs.put(
              it.epoch(),
              new Outstanding(
                  it.epoch(),
                  it.agent(),
                  it.targets(),
                  Optional.empty(),
                  List.of(),
                  Optional.empty()));
      case Fact.Bound it -> {
        Outstanding of = known(it.epoch());
        put(of, Optional.of(it.token()), of.credentials(), of.cause());
      }
      case Fact.Lent it -> lent(it.credential());
      case Fact.Ending it -> {
        Outstanding of = known(it.epoch());
        put(of, of.token(), revoking(of.credentials()), Optional.of(it.cause()));
      }
      case Fact.Dead it -> {
        Outstanding of = known(ownerOf(it.credential()));
        put(of, of.token(), dead(of.credentials(), it), of.cause());
      }
      case Fact.Killed it -> kills.put(it.kill().agent(), it.kill());
      case Fact.Restored it -> kills.remove(it.agent());
      case Fact.Settled it -> {
        Outstanding gone = epochs.remove(it.epoch());
        if (gone != null) {
          gone.credentials().forEach(held -> owners.remove(held.id()));
        }
      }
    }
  }

  synchronized List<Kill> kills() {
    return List.copyOf(kills.values());
  }

  /** The epoch that lent {@code credential}. */
  private synchronized Epoch ownerOf(CredentialId credential) {
    Epoch owner = owners.get(credential);
    if (owner == null) {
      throw new IllegalStateException(credential + " is not written down");
    }
    return owner;
  }

  synchronized List<Outstanding> outstanding() {
    return List.copyOf(epochs.values());
  }

  synchronized List<Accessor> sessions() {
    return List.copyOf(sessions);
  }

  private void lent(Held credential) {
    Outstanding of = known(credential.epoch());
    List<Held> credentials = new ArrayList<>(of.credentials());
    credentials.add(credential);
    owners.put(credential.id(), of.epoch());
    put(of, of.token(), of.cause().isPresent() ? revoking(credentials) : credentials, of.cause());
  }

  private @Nullable Outstanding ofCredential(CredentialId credential) {
    Epoch owner = owners.get(credential);
    return owner == null ? null : epochs.get(owner);
  }

  /** What is to be written of {@code entries}. */
  List<FactStore.Line> lines(List<GroupCommit.Entry<Fact>> entries) {
    return entries.stream()
        .map(GroupCommit.Entry::item)
        .map(fact -> new FactStore.Line(subject(fact), fact))
        .toList();
  }

  private Outstanding known(Epoch epoch) {
    Outstanding known = epochs.get(epoch);
    if (known == null) {
      throw new IllegalStateException(epoch + " is not written down");
    }
    return known;
  }

  private void put(
      Outstanding of, Optional<Accessor> token, List<Held> credentials, Optional<String> cause) {
    epochs.put(
        of.epoch(),
        new Outstanding(of.epoch(), of.agent(), of.targets(), token, credentials, cause));
  }

  private static List<Held> revoking(List<Held> credentials) {
    return credentials.stream()
        .map(held ->
            held.state() == Held.State.ACTIVE
                ? held.as(Held.State.REVOKING, held.expiresAt(), held.deadAt())
                : held)
        .toList();
  }

  private static List<Held> dead(List<Held> credentials, Fact.Dead fact) {
    Optional<Instant> at = Optional.of(fact.at());
    return credentials.stream()
        .map(held ->
            held.id().equals(fact.credential())
                ? held.as(Held.State.REVOKED, held.expiresAt(), at)
                : held)
        .toList();
  }

  /** What the fact is about: all of its facts go when it is settled. */
  String subject(Fact fact) {
    return switch (fact) {
      case Fact.Session it -> "session " + it.session().value();
      case Fact.SessionEnded it -> "session " + it.session().value();
      case Fact.Intended it -> it.epoch().label();
      case Fact.Bound it -> it.epoch().label();
      case Fact.Lent it -> it.credential().epoch().label();
      case Fact.Ending it -> it.epoch().label();
      case Fact.Dead it -> ownerOf(it.credential()).label();
      case Fact.Settled it -> it.epoch().label();
      case Fact.Killed it -> "kill " + it.kill().agent();
      case Fact.Restored it -> "kill " + it.agent();
    };
  }
}
