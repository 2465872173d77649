package io.exeat.revoke;

import io.exeat.base.FaultException;
import io.exeat.base.Health;
import io.exeat.base.SecretBytes;
import io.exeat.credential.InMemoryTarget;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Looks at an {@link InMemoryTarget}; passes {@link TargetVerifierContract} as the real one does.
 */
public final class InMemoryVerifier implements TargetVerifier {
  private final InMemoryTarget target;
  private final List<String> calls = new ArrayList<>();
  private Health health = Health.available(Instant.EPOCH);

  public InMemoryVerifier(InMemoryTarget target) {
    this.target = target;
  }

  /** What was called, in order, such as {@code shut t…-e1}. */
  public synchronized List<String> calls() {
    return List.copyOf(calls);
  }

  @Override
  public synchronized void shut(Mark mark) {
    calls.add("shut " + name(mark));
    ask(() -> target.forbidLogin(mark.epoch(), mark.principal()));
  }

  @Override
  public synchronized Sighting look(Mark mark, Map<String, SecretBytes> lent) {
    Sighting seen = look(mark);
    List<String> alive = new ArrayList<>(seen.alive());
    List<String> checks = new ArrayList<>(seen.checks());
    lent.forEach((principal, secret) ->
        password(secret)
            .filter(it -> target.has(principal))
            .ifPresent(password ->
                ask(() -> {
                  if (target.letsIn(principal, password)) {
                    alive.add("the login of " + principal + " is let in");
                  } else {
                    checks.add("login as " + principal + ": refused");
                  }
                })));
    return new Sighting(alive, checks);
  }

  private static Optional<String> password(SecretBytes secret) {
    try {
      return Optional.of(secret.read(bytes -> new String(bytes, StandardCharsets.UTF_8)))
          .filter(it -> !it.isEmpty());
    } catch (IllegalStateException e) {
      return Optional.empty();
    }
  }

  @Override
  public synchronized Sighting look(Mark mark) {
    calls.add("look " + name(mark));
    List<String> alive = new ArrayList<>();
    ask(() -> alive.addAll(target.reap(mark.epoch(), mark.principal())));
    return new Sighting(alive, List.of("roles and sessions of " + name(mark)));
  }

  @Override
  public synchronized Duration clockAhead() {
    Duration[] ahead = new Duration[1];
    ask(() -> ahead[0] = target.clockAhead());
    return ahead[0];
  }

  @Override
  public synchronized Health health() {
    return health;
  }

  @Override
  public void close() {}

  private void ask(Runnable question) {
    try {
      question.run();
      health = Health.available(Instant.EPOCH);
    } catch (FaultException e) {
      health = Health.unavailable(e.fault().toString(), Instant.EPOCH);
      throw e;
    }
  }

  private static String name(Mark mark) {
    return mark.principal().orElse(mark.epoch().label());
  }
}
