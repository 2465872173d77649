package io.exeat.credential;

import io.exeat.base.Accessor;
import io.exeat.base.Epoch;
import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import io.exeat.base.Health;
import io.exeat.base.LeaseId;
import io.exeat.base.SecretBytes;
import io.exeat.base.Subscription;
import io.exeat.base.TaskId;
import io.exeat.base.Time;
import io.exeat.task.AgentEntry;
import io.exeat.task.Grant;
import io.exeat.task.Target;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Deque;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Consumer;
import java.util.function.Supplier;
import java.util.stream.Collectors;

/**
 * Vault in memory: a session, tokens under it, leases under those, roles in an {@link
 * InMemoryTarget}. It passes {@link SecretsBackendContract} as the real one does. Expiry is not
 * simulated; {@link #loseSession} is.
 *
 * <p>Failures are injected: {@link #refuseNext} makes the next call of a kind fail before it acts,
 * {@link #loseAnswerOfNext} after; {@link #down} all of them, until {@link #up}.
 */
public final class InMemoryBackend implements SecretsBackend, RevocationLists {
  /** The calls, for injection and for {@link #calls}. */
  public enum Call {
    OPEN_EPOCH,
    ISSUE,
    RENEW,
    END_TOKEN,
    END_LEASE,
    DISABLE,
    TOKEN_GONE,
    LEASE_GONE
  }

  private record Token(Accessor session, Epoch epoch, Set<String> grants) {}

  private record Leased(Accessor token, String principal) {}

  private record Injected(Call call, boolean acts) {}

  private final InMemoryIssuer issuer = new InMemoryIssuer("shop");
  private final Time time;
  private final InMemoryTarget target;
  private final SessionLog log;
  private final Map<Accessor, Token> tokens = new LinkedHashMap<>();
  private final Map<LeaseId, Leased> leases = new LinkedHashMap<>();
  private final Deque<Injected> injected = new ArrayDeque<>();
  private final List<String> calls = new ArrayList<>();
  private final Set<String> disabled = new HashSet<>();
  private final List<Consumer<Set<Epoch>>> listeners = new CopyOnWriteArrayList<>();
  private final List<Consumer<Set<Epoch>>> warned = new CopyOnWriteArrayList<>();
  private Accessor session;
  private boolean prompt = true;
  private boolean down;
  private Duration ahead = Duration.ZERO;
  private int serial;

  /** Logs in at once: {@code log} has a session when this returns. */
  public InMemoryBackend(Time time, InMemoryTarget target, SessionLog log) {
    this.time = time;
    this.target = target;
    this.log = log;
    this.session = new Accessor("session-0");
    log.opened(session);
  }

  /** The next call of this kind fails and does nothing. */
  public synchronized void refuseNext(Call call) {
    injected.add(new Injected(call, false));
  }

  /** The next call of this kind is done, and its answer is lost. */
  public synchronized void loseAnswerOfNext(Call call) {
    injected.add(new Injected(call, true));
  }

  /** Vault is away. */
  public synchronized void down() {
    down = true;
  }

  /** Vault is back; its tokens and leases are as they were. */
  public synchronized void up() {
    down = false;
  }

  /** Whether leases follow their token at once (the default) or only at {@link #catchUp}. */
  public synchronized void prompt(boolean on) {
    prompt = on;
  }

  /** Vault gets round to the leases whose token is gone. */
  public synchronized void catchUp() {
    for (LeaseId id : List.copyOf(leases.keySet())) {
      Leased lease = leases.get(id);
      if (lease != null && !tokens.containsKey(lease.token)) {
        drop(id, lease);
      }
    }
  }

  /**
   * The session dies in Vault, its children with it; a new one is there, and the listeners are
   * told.
   */
  public void loseSession() {
    Set<Epoch> lost;
    synchronized (this) {
      Accessor old = session;
      lost =
          tokens.values().stream()
              .filter(token -> token.session.equals(old))
              .map(Token::epoch)
              .collect(Collectors.toSet());
      end(old);
      session = new Accessor("session-" + ++serial);
      log.opened(session);
      log.ended(old);
    }
    listeners.forEach(listener -> listener.accept(lost));
  }

  /** The session will not be renewed any more: the listeners are told whose end that will be. */
  public void expireSoon() {
    Set<Epoch> epochs;
    synchronized (this) {
      epochs = tokens.values().stream().map(Token::epoch).collect(Collectors.toSet());
    }
    warned.forEach(listener -> listener.accept(epochs));
  }

  /** The session that new tokens are children of. */
  public synchronized Accessor session() {
    return session;
  }

  /** What was called, in order, such as {@code ISSUE orders-read}. */
  public synchronized List<String> calls() {
    return List.copyOf(calls);
  }

  /** How many tokens Vault still knows. */
  public synchronized int tokens() {
    return tokens.size();
  }

  /** How many leases Vault still knows. */
  public synchronized int leases() {
    return leases.size();
  }

  @Override
  public EpochToken openEpoch(
      Epoch epoch,
      List<TaskId> wholes,
      AgentEntry agent,
      Collection<Grant> grants,
      Duration atMost) {
    return making(
        Call.OPEN_EPOCH,
        epoch.label(),
        () -> {
          if (disabled.contains(agent.name())) {
            throw vault("the agent is disabled there");
          }
          Accessor accessor = new Accessor("token-" + ++serial);
          Set<String> names = grants.stream().map(Grant::name).collect(Collectors.toSet());
          tokens.put(accessor, new Token(session, epoch, names));
          return new EpochToken(
              agent.name(), epoch, accessor, secret("s." + accessor.value()), time.after(atMost));
        });
  }

  @Override
  public Lent issue(EpochToken token, Grant grant) {
    return making(
        Call.ISSUE,
        grant.name(),
        () -> {
          Token known = tokens.get(token.accessor());
          if (known == null || !known.grants.contains(grant.name())) {
            throw vault("permission denied");
          }
          if (grant.kind() instanceof Grant.Kind.Certificate kind) {
            return certificate(token, grant, kind);
          }
          if (grant.kind() instanceof Grant.Kind.SshCertificate kind) {
            return sshCertificate(token, grant, kind);
          }
          String principal = InMemoryTarget.prefix(token.epoch()) + "p" + ++serial;
          String password = "password-" + serial;
          target.create(principal, password);
          LeaseId lease = new LeaseId("database/creds/" + grant.name() + "/" + serial);
          leases.put(lease, new Leased(token.accessor(), principal));
          return new Lent(lease, principal, secret(password), time.now().plus(grant.lease()));
        });
  }

  private Lent certificate(EpochToken token, Grant grant, Grant.Kind.Certificate kind) {
    Duration left = time.until(token.untilTick());
    Duration life = left.compareTo(grant.lease()) < 0 ? left : grant.lease();
    InMemoryIssuer.Made made =
        issuer.issue(kind, time.now().minusSeconds(30), time.now().plus(life));
    LeaseId lease = new LeaseId(kind.at().mount() + "/sign/" + grant.name() + "/" + ++serial);
    leases.put(lease, new Leased(token.accessor(), made.serial()));
    return new Lent(lease, made.serial(), secret(made.pem()), made.expiresAt());
  }

  /** Of which nothing is kept, and nothing can be ended. */
  private Lent sshCertificate(EpochToken token, Grant grant, Grant.Kind.SshCertificate kind) {
    Duration left = time.until(token.untilTick());
    Duration life = left.compareTo(grant.lease()) < 0 ? left : grant.lease();
    String number = Integer.toString(++serial);
    LeaseId lease = new LeaseId(kind.at().mount() + "/sign/" + grant.name() + "/" + number);
    return new Lent(lease, number, secret("key-" + number), time.now().plus(life));
  }

  @Override
  public Published published(Target.Pki at) {
    return issuer.published(at);
  }

  /** Ends a principal where it is. */
  private void end(String principal) {
    if (principal.contains(":")) {
      issuer.revoke(principal);
    } else {
      target.drop(principal);
    }
  }

  @Override
  public Instant renew(EpochToken token, LeaseId lease, Duration atMost) {
    return calling(
        Call.RENEW,
        lease.toString(),
        () -> leases.containsKey(lease) ? time.now().plus(atMost) : Instant.MIN);
  }

  @Override
  public void endToken(Accessor accessor) {
    calling(
        Call.END_TOKEN,
        accessor.value(),
        () -> {
          end(accessor);
          return true;
        });
  }

  @Override
  public void endLease(LeaseId lease) {
    calling(
        Call.END_LEASE,
        lease.toString(),
        () -> {
          Leased known = leases.get(lease);
          if (known != null) {
            end(known.principal);
            leases.remove(lease);
          }
          return true;
        });
  }

  @Override
  public void disable(String agent, boolean isDisabled) {
    calling(
        Call.DISABLE,
        agent + " " + isDisabled,
        () -> isDisabled ? disabled.add(agent) : disabled.remove(agent));
  }

  /** The agents whose entities are disabled. */
  public synchronized Set<String> disabled() {
    return Set.copyOf(disabled);
  }

  @Override
  public boolean tokenGone(Accessor accessor) {
    return calling(
        Call.TOKEN_GONE,
        accessor.value(),
        () -> !tokens.containsKey(accessor) && !accessor.equals(session));
  }

  @Override
  public boolean leaseGone(LeaseId lease) {
    return calling(Call.LEASE_GONE, lease.toString(), () -> !leases.containsKey(lease));
  }

  /** Its clock is set to something else than ours. */
  public synchronized void clockAhead(Duration by) {
    ahead = by;
  }

  @Override
  public synchronized Duration clockAhead() {
    if (down) {
      throw vault("connection refused");
    }
    return ahead;
  }

  @Override
  public Subscription onLost(Consumer<Set<Epoch>> listener) {
    listeners.add(listener);
    return () -> listeners.remove(listener);
  }

  @Override
  public Subscription onExpiring(Consumer<Set<Epoch>> listener) {
    warned.add(listener);
    return () -> warned.remove(listener);
  }

  @Override
  public synchronized Health health() {
    return down ? Health.unavailable("Vault is away", time.now()) : Health.available(time.now());
  }

  @Override
  public void close() {}

  /** A token and its children die at once; what was lent under them when Vault gets round to it. */
  private void end(Accessor accessor) {
    tokens.remove(accessor);
    tokens.values().removeIf(token -> token.session.equals(accessor));
    if (prompt) {
      catchUp();
    }
  }

  private void drop(LeaseId id, Leased lease) {
    try {
      end(lease.principal);
      leases.remove(id);
    } catch (FaultException away) {
      // As Vault: the lease stays, to be tried again.
    }
  }

  private <T> T making(Call call, String what, Supplier<T> body) {
    return run(
        call,
        what,
        body,
        new AnswerLost(away("the answer was lost"), new IllegalStateException("injected")));
  }

  private <T> T calling(Call call, String what, Supplier<T> body) {
    return run(call, what, body, vault("the answer was lost"));
  }

  private synchronized <T> T run(Call call, String what, Supplier<T> body, RuntimeException lost) {
    calls.add(call + " " + what);
    if (down) {
      throw vault("connection refused");
    }
    Injected now = injected.peek();
    if (now == null || now.call != call) {
      return body.get();
    }
    injected.remove();
    if (now.acts) {
      Object _ = body.get();
      throw lost;
    }
    throw vault("connection refused");
  }

  private static SecretBytes secret(String value) {
    return SecretBytes.adopt(value.getBytes(StandardCharsets.UTF_8));
  }

  private static FaultException vault(String problem) {
    return new FaultException(away(problem));
  }

  private static Fault.Unavailable away(String problem) {
    return new Fault.Unavailable(Fault.Dependency.VAULT, problem, Duration.ofSeconds(1));
  }
}
