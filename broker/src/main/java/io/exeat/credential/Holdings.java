package io.exeat.credential;

import io.exeat.base.CredentialId;
import io.exeat.base.Epoch;
import io.exeat.base.SecretBytes;
import io.exeat.base.TaskId;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Consumer;

/**
 * What this broker holds for its tasks: the token of each live epoch, and each credential with its
 * secret, for a repeated call and for a look at whether it still opens anything. In memory alone;
 * secrets are zeroed once they are seen dead.
 */
public final class Holdings {
  private final ConcurrentMap<Epoch, EpochToken> tokens = new ConcurrentHashMap<>();
  private final ConcurrentMap<CredentialId, Holding> holdings = new ConcurrentHashMap<>();
  private final ConcurrentMap<TaskId, List<CredentialId>> byTask = new ConcurrentHashMap<>();

  /** Not proven dead: few, beside all that is remembered. */
  private final Set<CredentialId> alive = ConcurrentHashMap.newKeySet();

  private final List<Consumer<CredentialId>> toTell = new CopyOnWriteArrayList<>();

  private record Holding(Held held, SecretBytes secret) {}

  /** Takes ownership of the token. */
  public void keep(EpochToken token) {
    tokens.put(token.epoch(), token);
  }

  /** The epoch's token; empty for an epoch that holds nothing or is over. */
  public Optional<EpochToken> token(Epoch epoch) {
    return Optional.ofNullable(tokens.get(epoch));
  }

  /** Takes ownership of the secret. */
  public void keep(Held held, SecretBytes secret) {
    holdings.put(held.id(), new Holding(held, secret));
    if (held.state() != Held.State.REVOKED) {
      alive.add(held.id());
    }
    byTask
        .computeIfAbsent(held.epoch().task(), task -> new CopyOnWriteArrayList<>())
        .add(held.id());
  }

  /** Takes in a credential whose secret is not known any more. */
  public void settle(Held held) {
    keep(held, SecretBytes.adopt(new byte[0]));
  }

  public Optional<Held> find(CredentialId id) {
    return Optional.ofNullable(holdings.get(id)).map(Holding::held);
  }

  /** The secret of a live credential, lent. */
  public Optional<SecretBytes> secret(CredentialId id) {
    return Optional.ofNullable(holdings.get(id)).map(Holding::secret);
  }

  /** Everything that the task ever held, oldest first. */
  public List<Held> of(TaskId task) {
    return byTask.getOrDefault(task, List.of()).stream()
        .flatMap(id -> find(id).stream())
        .sorted(Comparator.comparing(Held::issuedAt))
        .toList();
  }

  /** What the epoch holds that is not proven dead. */
  public List<Held> outstanding(Epoch epoch) {
    return of(epoch.task()).stream()
        .filter(held -> held.epoch().equals(epoch) && held.state() != Held.State.REVOKED)
        .toList();
  }

  /** Everything that is not proven dead. */
  public List<Held> alive() {
    return alive.stream().flatMap(id -> find(id).stream()).toList();
  }

  public List<Held> all() {
    List<Held> all = new ArrayList<>();
    holdings.values().forEach(holding -> all.add(holding.held()));
    return all;
  }

  /** Its lease lives until {@code expiresAt} now. */
  public void renewed(CredentialId id, Instant expiresAt) {
    update(id, Held.State.ACTIVE, Optional.empty(), Optional.of(expiresAt));
  }

  /** It is to die. */
  public void revoking(CredentialId id) {
    update(id, Held.State.REVOKING, Optional.empty(), Optional.empty());
    toTell.forEach(each -> each.accept(id));
  }

  /** Runs {@code listener} whenever one is to die, before anything is done; it must not wait. */
  public void onRevoking(Consumer<CredentialId> listener) {
    toTell.add(listener);
  }

  /** It was seen dead; its secret is zeroed. */
  public void revoked(CredentialId id, Instant at) {
    update(id, Held.State.REVOKED, Optional.of(at), Optional.empty());
    alive.remove(id);
    secret(id).ifPresent(SecretBytes::close);
  }

  /** The epoch's token is of no use any more: zeroed. */
  public void drop(Epoch epoch) {
    Optional.ofNullable(tokens.remove(epoch)).ifPresent(EpochToken::close);
  }

  /** The task is not remembered any more. */
  public void forget(TaskId task) {
    List<CredentialId> gone = byTask.remove(task);
    if (gone != null) {
      gone.forEach(holdings::remove);
      gone.forEach(alive::remove);
    }
  }

  private void update(
      CredentialId id, Held.State state, Optional<Instant> deadAt, Optional<Instant> expiresAt) {
    holdings.computeIfPresent(
        id,
        (key, holding) -> {
          Held held = holding.held();
          boolean backwards = state.compareTo(held.state()) < 0;
          return backwards
              ? holding
              : new Holding(
                  held.as(state, expiresAt.orElse(held.expiresAt()), deadAt), holding.secret());
        });
  }
}
