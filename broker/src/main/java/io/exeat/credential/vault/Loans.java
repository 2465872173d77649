package io.exeat.credential.vault;

import com.fasterxml.jackson.databind.JsonNode;
import io.exeat.base.FaultException;
import io.exeat.base.LeaseId;
import io.exeat.base.SecretBytes;
import io.exeat.base.Time;
import io.exeat.credential.AnswerLost;
import io.exeat.credential.EpochToken;
import io.exeat.credential.Lent;
import io.exeat.credential.SshCertificate;
import io.exeat.task.Grant;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;

/** Has Vault lend: the calls that make something. */
final class Loans {
  /** In whole seconds, down: it must not be good for longer than it is lent. */
  private static final Duration LEAST = Duration.ofSeconds(1);

  /** Two clocks differ by 2 s at most, or nothing is lent; and Vault takes its time. */
  private static final Duration CLOCKS = Duration.ofSeconds(5);

  private final VaultClient client;
  private final VaultSession sessions;
  private final Time time;

  Loans(VaultClient client, VaultSession sessions, Time time) {
    this.client = client;
    this.sessions = sessions;
    this.time = time;
  }

  /** What {@code grant} lends, as {@link io.exeat.credential.SecretsBackend#issue}. */
  Lent lend(EpochToken token, Grant grant) {
    return switch (grant.kind()) {
      case Grant.Kind.Postgres _ -> login(Policies.issuing(grant), token.token());
      case Grant.Kind.Certificate kind -> certificate(token, grant, kind);
      case Grant.Kind.SshCertificate kind -> sshCertificate(token, grant, kind);
      case Grant.Kind.ServiceAccount kind ->
          account(
              Policies.issuing(grant),
              token.token(),
              "x-" + token.epoch().label() + "-",
              AccountRole.asking(kind, grant.lease(), time.until(token.untilTick())));
      case Grant.Kind.Nothing _ ->
          throw new IllegalArgumentException(grant.name() + " lends nothing");
    };
  }

  /** A login at a database. */
  Lent login(String path, SecretBytes token) {
    Instant asked = time.now();
    Answer answer = made(() -> client.get(path, token));
    return new Lent(
        new LeaseId(answer.body().path("lease_id").asText()),
        answer.data().path("username").asText(),
        Answer.secret(answer.data().path("password")),
        asked.plusSeconds(answer.body().path("lease_duration").asLong()));
  }

  /**
   * A service account at a cluster.
   *
   * @param prefix of its name, by which it is found again
   */
  Lent account(String path, SecretBytes token, String prefix, Map<String, Object> ask) {
    Instant asked = time.now();
    Answer answer = made(() -> client.post(path, token, ask));
    String lease = answer.body().path("lease_id").asText();
    String namespace = answer.data().path("service_account_namespace").asText();
    String name = answer.data().path("service_account_name").asText();
    if (lease.isEmpty()
        || !name.startsWith(prefix)
        || !namespace.equals(ask.get(AccountRole.NAMESPACE))) {
      // Nobody could find it again. Its token is forgotten here, and ends with its lease.
      throw new FaultException(
          Refusals.vault(
              "Vault lends %s/%s at %s, which is not what was asked for: run exeat vault apply"
                  .formatted(namespace, name, path)));
    }
    return new Lent(
        new LeaseId(lease),
        "system:serviceaccount:" + namespace + ":" + name,
        Answer.secret(answer.data().path("service_account_token")),
        asked.plusSeconds(answer.body().path("lease_duration").asLong()));
  }

  /** It ends with its epoch's token, by itself at the latest. */
  private Lent certificate(EpochToken token, Grant grant, Grant.Kind.Certificate kind) {
    KeyRequest request = KeyRequest.make(kind.key());
    Duration left = time.until(token.untilTick());
    Map<String, Object> ask = new TreeMap<>();
    ask.put("csr", request.request());
    ask.put("ttl", Tokens.wholeSeconds(left.compareTo(grant.lease()) < 0 ? left : grant.lease()));
    ask.put("alt_names", String.join(",", new TreeSet<>(kind.names())));
    ask.put("uri_sans", String.join(",", new TreeSet<>(kind.uris())));
    Answer answer = made(() -> client.post(Policies.issuing(grant), token.token(), ask));
    String lease = answer.body().path("lease_id").asText();
    String serial = answer.data().path("serial_number").asText();
    if (lease.isEmpty() || serial.isEmpty()) {
      // Nothing would end it. Nobody can use it either: its key is forgotten here.
      throw new FaultException(
          Refusals.vault(
              "Vault lends certificates of "
                  + grant.name()
                  + " without a lease:"
                  + " run exeat vault apply"));
    }
    List<String> certificates =
        new ArrayList<>(List.of(answer.data().path("certificate").asText()));
    JsonNode chain = answer.data().path("ca_chain");
    chain.forEach(each -> certificates.add(each.asText()));
    if (chain.isEmpty()) {
      certificates.add(answer.data().path("issuing_ca").asText());
    }
    return new Lent(
        new LeaseId(lease),
        serial,
        request.with(certificates),
        Instant.ofEpochSecond(answer.data().path("expiration").asLong()));
  }

  /** Nothing ends it but its time, which is the task's at the latest. */
  private Lent sshCertificate(EpochToken token, Grant grant, Grant.Kind.SshCertificate kind) {
    Duration left = time.until(token.untilTick());
    Duration life = left.compareTo(grant.lease()) < 0 ? left : grant.lease();
    if (life.compareTo(LEAST) < 0) {
      throw new FaultException(
          Refusals.vault("less than a second of the task is left: no certificate ends so soon"));
    }
    SshKey key = new SshKey();
    String path = Policies.issuing(grant);
    Map<String, Object> ask = new TreeMap<>();
    ask.put("public_key", key.line());
    ask.put("ttl", life.toSeconds());
    ask.put("valid_principals", SshRole.users(kind));
    Instant latest = time.now().plus(life).plus(CLOCKS);
    Answer answer = made(() -> client.post(path, token.token(), ask));
    String line = answer.data().path("signed_key").asText();
    try {
      SshCertificate it = SshCertificate.read(line);
      if (!it.isOf(key.bytes())
          || !it.ofUser()
          || !it.users().equals(kind.users())
          || !it.options().equals(SshRole.options(kind))
          || !it.extensions().equals(SshRole.extensions(kind))
          || !it.endsBy(latest)) {
        throw new IOException("says something else than was asked for");
      }
      return new Lent(
          new LeaseId(path + "/" + it.serial()), it.serial(), key.with(line), it.until());
    } catch (IOException e) {
      // Nobody can use it: its key is forgotten here.
      throw new FaultException(
          Refusals.vault(
              "what Vault signs for "
                  + grant.name()
                  + " "
                  + e.getMessage()
                  + ": run exeat vault"
                  + " apply"),
          e);
    }
  }

  private interface Call {
    Answer ask() throws NoAnswer;
  }

  private Answer made(Call call) {
    Answer answer;
    try {
      answer = call.ask();
    } catch (NoAnswer e) {
      throw lost(e);
    }
    if (answer.ok()) {
      return answer;
    }
    if (Refusals.targetNotReached(answer)) {
      throw new FaultException(
          Refusals.target("Vault cannot reach the database"), Refusals.said(answer));
    }
    sessions.wake();
    if (answer.maybeDone()) {
      throw new AnswerLost(Refusals.fault("lend a credential", answer), Refusals.said(answer));
    }
    throw Refusals.of("lend a credential", answer);
  }

  RuntimeException lost(NoAnswer e) {
    sessions.wake();
    return e.sent() ? new AnswerLost(Refusals.fault(e), e) : Refusals.of(e);
  }
}
