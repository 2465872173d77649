package io.exeat.revoke;

import io.exeat.base.CredentialId;
import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import io.exeat.base.SecretBytes;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Function;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** One attempt at ending something: each step is tried whatever became of the others. */
final class Attempt {
  private static final Logger LOG = LoggerFactory.getLogger(Attempt.class);

  private final List<String> alive = Collections.synchronizedList(new ArrayList<>());
  private final List<String> ending = Collections.synchronizedList(new ArrayList<>());
  private final List<String> checks = Collections.synchronizedList(new ArrayList<>());
  private final Set<String> away = Collections.synchronizedSet(new TreeSet<>());
  private final String agent;
  private final Function<CredentialId, Optional<SecretBytes>> secrets;
  private final boolean triesAnyway;
  private Instant confirmedAt = Instant.MIN;

  /**
   * @param agent whose turn it takes
   * @param secrets what was lent, as far as it is known still, lent
   * @param triesAnyway to get in, also when it is known already that not all is dead
   */
  Attempt(
      String agent, Function<CredentialId, Optional<SecretBytes>> secrets, boolean triesAnyway) {
    this.agent = agent;
    this.secrets = secrets;
    this.triesAnyway = triesAnyway;
  }

  String agent() {
    return agent;
  }

  /**
   * What was lent at the target and is known still, by principal; nothing where it would not be
   * tried: a login costs either side as much as all the rest.
   */
  Map<String, SecretBytes> lent(Condemned condemned, String target) {
    Map<String, SecretBytes> lent = new TreeMap<>();
    if (!triesAnyway && !left().isEmpty()) {
      return lent;
    }
    condemned.held().stream()
        .filter(held -> held.target().equals(target))
        .forEach(held ->
            secrets.apply(held.id()).ifPresent(secret -> lent.put(held.principal(), secret)));
    return lent;
  }

  /** Runs all at the same time and returns when all are done. */
  static void together(List<Runnable> steps) {
    List<Thread> threads =
        steps.stream().skip(1).map(step -> Thread.ofVirtual().start(step)).toList();
    steps.stream().findFirst().ifPresent(Runnable::run);
    boolean interrupted = false;
    for (Thread thread : threads) {
      while (thread.isAlive()) {
        try {
          thread.join();
        } catch (InterruptedException e) {
          interrupted = true;
        }
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  /** A step that fails is remembered as something that is alive. */
  void step(String what, Runnable body) {
    try {
      body.run();
    } catch (FaultException e) {
      if (e.fault() instanceof Fault.Unavailable it) {
        away.add(it.dependency().name());
      }
      isAlive("cannot " + what + ": " + e.getMessage());
    } catch (RuntimeException | Error e) { // what was not done must not pass for done, and be seen
      LOG.error("A step of a revocation failed: {}", what, e);
      isAlive("cannot " + what + ": " + e.getClass().getSimpleName());
    }
  }

  /** Vault has said so far that what was to be ended is. */
  void confirmed(Instant at) {
    confirmedAt = at;
  }

  Instant confirmedAt() {
    return confirmedAt;
  }

  /** What it waits for, such as VAULT+TARGET; ALIVE when all answered. */
  String waitsFor() {
    if (!away.isEmpty()) {
      return String.join("+", away);
    }
    return alive.isEmpty() ? Unproven.ITS_END : "ALIVE";
  }

  List<String> checks() {
    return List.copyOf(checks);
  }

  void saw(String check) {
    checks.add(check);
  }

  void isAlive(String what) {
    alive.add(what);
  }

  /** It cannot be taken back, and ends by itself later. */
  void isEnding(String what) {
    ending.add(what);
  }

  /** What is not dead. */
  List<String> left() {
    List<String> left = new ArrayList<>(alive);
    left.addAll(ending);
    return left;
  }
}
