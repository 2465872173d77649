package io.exeat.credential.vault;

import com.fasterxml.jackson.databind.JsonNode;
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
import io.exeat.credential.AnswerLost;
import io.exeat.credential.EpochToken;
import io.exeat.credential.Lent;
import io.exeat.credential.OwnLogins;
import io.exeat.credential.RevocationLists;
import io.exeat.credential.SecretsBackend;
import io.exeat.credential.SessionLog;
import io.exeat.identity.IdentitySource;
import io.exeat.task.AgentEntry;
import io.exeat.task.Grant;
import io.exeat.task.Target;
import java.time.Duration;
import java.time.Instant;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.Supplier;
import javax.net.ssl.SSLContext;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The exchange with OpenBao or HashiCorp Vault, set up by {@link VaultSetup}. */
public final class VaultBackend implements SecretsBackend, OwnLogins, RevocationLists {
  private static final Logger LOG = LoggerFactory.getLogger(VaultBackend.class);

  /** Vault waits for the target meanwhile; {@code exeat.end_role} gives up after 4 s. */
  private static final Duration END_LEASE = Duration.ofSeconds(10);

  private final VaultClient client;
  private final VaultSession sessions;
  private final Loans loans;
  private final GivenBack givenBack = new GivenBack(this::endLease, Duration.ofSeconds(1));
  private final Heartbeat heartbeat;
  private final Subscription rotation;
  private final Time time;
  private final String broker;

  /**
   * Begins to log in; calls wait for the first login, up to the time limit.
   *
   * @param broker our own SPIFFE ID, for the tokens' metadata
   * @param tls makes the TLS context for new connections, with the SVID of then
   */
  public VaultBackend(
      VaultSettings settings,
      String broker,
      IdentitySource identity,
      Supplier<SSLContext> tls,
      SessionLog log,
      Time time) {
    this.time = time;
    this.broker = broker;
    this.client = new VaultClient(settings, tls);
    this.sessions = new VaultSession(time, settings.timeout());
    this.loans = new Loans(client, sessions, time);
    VaultLogin login = new VaultLogin(client, settings, identity, time);
    this.heartbeat = new Heartbeat(client, login, sessions, log, settings.longestTask(), time);
    this.rotation = identity.onChange(client::renewTls);
    heartbeat.start();
  }

  @Override
  public EpochToken openEpoch(
      Epoch epoch,
      List<TaskId> wholes,
      AgentEntry agent,
      Collection<Grant> grants,
      Duration atMost) {
    Set<String> policies = Tokens.policies(grants);
    Map<String, Object> asked = Tokens.request(epoch, wholes, agent, policies, broker, atMost);
    String path = "auth/token/create/" + Names.check("agent", agent.name());
    Session session = sessions.enter();
    try {
      Answer answer = client.post(path, session.token(), asked);
      if (answer.ok()) {
        return accept(session, agent, epoch, policies, time.after(atMost), answer);
      }
      sessions.wake();
      if (answer.maybeDone()) {
        sessions.retire(session);
        throw new AnswerLost(Refusals.fault("open an epoch", answer), Refusals.said(answer));
      }
      throw Refusals.of("open an epoch", answer);
    } catch (NoAnswer e) {
      throw lost(session, e);
    } finally {
      sessions.leave(session);
    }
  }

  /** The token must be what was asked for: whatever Vault made of it instead is ended at once. */
  private EpochToken accept(
      Session session,
      AgentEntry agent,
      Epoch epoch,
      Set<String> policies,
      long untilTick,
      Answer answer) {
    JsonNode auth = answer.auth();
    Accessor accessor = new Accessor(auth.path("accessor").asText());
    SecretBytes token = Answer.secret(auth.path("client_token"));
    boolean asAsked = Tokens.asAsked(answer, policies);
    if (asAsked && session.add(accessor, epoch)) {
      return new EpochToken(agent.name(), epoch, accessor, token, untilTick);
    }
    token.close();
    String problem =
        asAsked
            ? "the session with Vault ended meanwhile"
            : Tokens.instead(answer, policies) + ": run exeat vault apply";
    LOG.warn("An epoch is not opened: {} {}", problem, answer.warnings());
    try {
      Tokens.end(client, session.token(), accessor);
    } catch (NoAnswer | FaultException e) {
      sessions.retire(session);
    }
    throw new FaultException(Refusals.vault(problem));
  }

  @Override
  public Lent issue(EpochToken token, Grant grant) {
    return loans.lend(token, grant);
  }

  @Override
  public Instant renew(EpochToken token, LeaseId lease, Duration atMost) {
    Instant asked = time.now();
    Answer answer;
    try {
      answer =
          client.post(
              "sys/leases/renew",
              token.token(),
              Map.of("lease_id", lease.value(), "increment", Tokens.wholeSeconds(atMost)));
    } catch (NoAnswer e) {
      sessions.wake();
      throw Refusals.of(e);
    }
    if (answer.ok()) {
      return asked.plusSeconds(answer.body().path("lease_duration").asLong());
    }
    if (answer.status() == 403 || answer.unknownLease()) {
      return Instant.MIN;
    }
    throw leaseRefusal("renew a lease", answer);
  }

  @Override
  public void endToken(Accessor accessor) {
    asBroker(by -> {
      Tokens.end(client, by, accessor);
      return true;
    });
    sessions.ended(accessor);
  }

  @Override
  public void endLease(LeaseId lease) {
    Map<String, Object> ask = Map.of("lease_id", lease.value(), "sync", true);
    Answer answer = asBroker(by -> client.post("sys/leases/revoke", by, ask, END_LEASE));
    if (!answer.ok() && !answer.unknownLease()) {
      throw leaseRefusal("end a lease", answer);
    }
  }

  @Override
  public void disable(String agent, boolean disabled) {
    asBroker(by -> Tokens.disable(client, by, agent, disabled));
  }

  @Override
  public boolean tokenGone(Accessor accessor) {
    return asBroker(by -> Tokens.gone(client, by, accessor));
  }

  @Override
  public boolean leaseGone(LeaseId lease) {
    Answer answer =
        asBroker(by -> client.post("sys/leases/lookup", by, Map.of("lease_id", lease.value())));
    if (!answer.ok() && !answer.unknownLease()) {
      throw Refusals.of("look a lease up", answer);
    }
    return !answer.ok();
  }

  @Override
  public Duration clockAhead() {
    return VaultClock.ahead(client, time);
  }

  @Override
  public Published published(Target.Pki target) {
    return Issuers.published(client, target);
  }

  @Override
  public Lent verifier(Target target) {
    SecretBytes own = sessions.current().token();
    String path = Policies.verifying(target).orElseThrow(IllegalArgumentException::new);
    try {
      return target instanceof Target.Kubernetes cluster
          ? loans.account(path, own, Policies.VERIFIER, AccountRole.verifier(cluster))
          : loans.login(path, own);
    } catch (AnswerLost e) {
      throw e.toFault();
    }
  }

  @Override
  public void giveBack(LeaseId lease) {
    givenBack.end(lease);
  }

  /** What Vault lets our tokens do. */
  public VaultRights rights() {
    return new VaultRights(client, sessions);
  }

  @Override
  public Subscription onLost(Consumer<Set<Epoch>> listener) {
    return sessions.lost().add(listener);
  }

  @Override
  public Subscription onExpiring(Consumer<Set<Epoch>> listener) {
    return sessions.expiring().add(listener);
  }

  @Override
  public Health health() {
    return sessions.health();
  }

  @Override
  public void close() {
    rotation.close();
    givenBack.close();
    heartbeat.close();
    client.close();
  }

  private interface Call<T> {
    T with(SecretBytes token) throws NoAnswer;
  }

  private <T> T asBroker(Call<T> call) {
    try {
      return call.with(sessions.current().token());
    } catch (NoAnswer e) {
      sessions.wake();
      throw Refusals.of(e);
    } catch (FaultException e) {
      sessions.wake();
      throw e;
    }
  }

  private RuntimeException lost(Session session, NoAnswer e) {
    if (e.sent()) {
      sessions.retire(session);
    }
    return loans.lost(e);
  }

  /** A 400 that is not about the lease's name is the target's: Vault passes its error on so. */
  private FaultException leaseRefusal(String what, Answer answer) {
    sessions.wake();
    Fault fault =
        answer.status() == 400
            ? Refusals.target("its target did not let Vault " + what)
            : Refusals.fault(what, answer);
    return new FaultException(fault, Refusals.said(answer));
  }
}
