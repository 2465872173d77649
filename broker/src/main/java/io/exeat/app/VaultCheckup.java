package io.exeat.app;

import io.exeat.base.Accessor;
import io.exeat.base.BoundedHttpClient;
import io.exeat.base.CannotStart;
import io.exeat.base.Epoch;
import io.exeat.base.FaultException;
import io.exeat.base.TaskId;
import io.exeat.base.Time;
import io.exeat.credential.EpochToken;
import io.exeat.credential.SessionLog;
import io.exeat.credential.vault.VaultBackend;
import io.exeat.revoke.TargetVerifier;
import io.exeat.revoke.postgres.DatabaseClock;
import io.exeat.revoke.postgres.PostgresVerifier;
import io.exeat.task.AgentEntry;
import io.exeat.task.Catalogue;
import io.exeat.task.Grant;
import io.exeat.task.Target;
import java.io.IOException;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.util.List;
import java.util.Optional;
import java.util.TreeMap;
import javax.net.ssl.SSLContext;
import javax.net.ssl.X509TrustManager;

/** The doctor's look at Vault, at our rights there, and at each target through it. */
final class VaultCheckup {
  /** What clocks may be apart: JWT-SVIDs, leases and {@code VALID UNTIL} are dated. */
  private static final Duration CLOCKS = Duration.ofSeconds(2);

  private static final Duration LOOK_TOKEN = Duration.ofSeconds(10);
  private static final String APPLY =
      "run exeat vault apply again with this catalogue; exeat vault apply --check says what"
          + " differs";

  private final Findings findings;
  private final BrokerConfig config;
  private final BrokerConfig.AllInOne here;
  private final Party party;
  private final Time time;

  VaultCheckup(
      Findings findings, BrokerConfig config, BrokerConfig.AllInOne here, Party party, Time time) {
    this.findings = findings;
    this.config = config;
    this.here = here;
    this.party = party;
    this.time = time;
  }

  /**
   * Looks at all of it.
   *
   * @param svid whether we have one: without it Vault can only be reached
   */
  void look(boolean svid, Optional<Catalogue> catalogue) {
    X509TrustManager trust;
    try {
      trust = VaultTrust.of(here.vault().ca(), "vault.ca");
    } catch (CannotStart e) {
      findings.wrong(
          "vault",
          here.vault().address().toString(),
          String.valueOf(e.getMessage()),
          "put the PEM of Vault's certificate authority where vault.ca says");
      return;
    }
    boolean answers = answers(trust, svid);
    if (!answers || !svid) {
      findings.unseen(
          "vault-session",
          here.vault().role(),
          answers ? "there is no own SVID to log in with" : "Vault does not answer",
          "mend " + (answers ? "svid" : "vault") + " first");
      return;
    }
    try (VaultBackend backend =
        new VaultBackend(
            Engine.settings(here.vault()),
            config.identity().id().toString(),
            party.identity(),
            () -> party.tls().context(trust),
            new Nowhere(),
            time)) {
      if (session(backend)) {
        catalogue.ifPresent(it -> {
          brokerRights(backend, it);
          new TreeMap<>(it.agents()).values().forEach(agent -> agentRights(backend, it, agent));
          new TreeMap<>(it.targets()).values().forEach(target -> target(backend, target));
        });
      }
    }
  }

  private boolean session(VaultBackend backend) {
    String as =
        "role " + here.vault().role() + " at auth/" + here.vault().mount() + ", by JWT-SVID";
    if (Findings.until(() -> backend.health().available())) {
      findings.ok("vault-session", here.vault().role(), as);
      return true;
    }
    findings.wrong(
        "vault-session",
        here.vault().role(),
        backend.health().problem().orElse("none") + " (" + as + ")",
        "compare vault.mount, vault.role and vault.audience, and run exeat vault apply with the JWT"
            + " authorities of the SPIRE server as they are now");
    return false;
  }

  private void brokerRights(VaultBackend backend, Catalogue catalogue) {
    rights(
        "broker", () -> backend.rights().ofBroker(catalogue), "all that it needs, and no grant's");
  }

  /** By a token as an epoch of this agent with everything gets it: made, asked, ended. */
  private void agentRights(VaultBackend backend, Catalogue catalogue, AgentEntry agent) {
    List<Grant> grants =
        agent.grants().stream().map(catalogue.grants()::get).filter(Grant::lends).toList();
    rights(
        agent.name(),
        () -> {
          try (EpochToken token =
              backend.openEpoch(
                  new Epoch(TaskId.random(), 1), List.of(), agent, grants, LOOK_TOKEN)) {
            try {
              return backend.rights().ofEpoch(token, grants);
            } finally {
              backend.endToken(token.accessor());
            }
          }
        },
        "a token of its tasks may have lent: " + String.join(", ", sorted(agent)));
  }

  private static List<String> sorted(AgentEntry agent) {
    return agent.grants().stream().sorted().toList();
  }

  private interface Look {
    List<String> differences();
  }

  private void rights(String whose, Look look, String fine) {
    try {
      List<String> differences = look.differences();
      if (differences.isEmpty()) {
        findings.ok("vault-rights", whose, fine);
      } else {
        findings.wrong("vault-rights", whose, String.join("; ", differences), APPLY);
      }
    } catch (FaultException e) {
      findings.wrong("vault-rights", whose, Findings.words(e), APPLY);
    }
  }

  private void target(VaultBackend backend, Target target) {
    switch (target) {
      case Target.Postgres postgres -> postgres(backend, postgres);
      case Target.Pki pki -> CertificateCheckup.look(findings, backend, pki, time);
      case Target.Ssh ssh ->
          findings.ok(
              "target", ssh.name(), "is not looked at: what is lent there ends by itself alone");
      case Target.Kubernetes cluster -> ClusterCheckup.look(findings, backend, cluster, time);
      case Target.Service _ -> {} // nothing is lent there
    }
  }

  /**
   * Vault lends the verifier's login only where the policy and the database are as they must be.
   */
  private void postgres(VaultBackend backend, Target.Postgres target) {
    String mend =
        "see that the database runs; its superuser runs what exeat vault sql prints, then exeat"
            + " vault apply";
    try (TargetVerifier verifier =
        new PostgresVerifier(target, here.targetsCa(), backend, Findings.PATIENCE, time)) {
      var seen =
          verifier.look(new TargetVerifier.Mark(new Epoch(TaskId.random(), 1), Optional.empty()));
      if (seen.dead()) {
        findings.ok(
            "target", target.name(), "the verifier can look and shut, by a login of its own");
      } else {
        findings.wrong(
            "target",
            target.name(),
            String.join("; ", seen.alive()),
            "exeat status says what is pending; exeat revoke --all ends what is left");
      }
      clock(
          "database-clock",
          target.name(),
          DatabaseClock.ahead(target, here.targetsCa(), backend, Findings.PATIENCE, time),
          "synchronise the clocks of the database's host and of this one (NTP)");
    } catch (FaultException e) {
      findings.wrong("target", target.name(), Findings.words(e), mend);
    }
  }

  private void clock(String check, String subject, Duration ahead, String mend) {
    String seen =
        "%.3f s %s ours, of at most %d s"
            .formatted(
                ahead.abs().toMillis() / 1000.0,
                ahead.isNegative() ? "behind" : "ahead of",
                CLOCKS.toSeconds());
    if (ahead.abs().compareTo(CLOCKS) <= 0) {
      findings.ok(check, subject, seen);
    } else {
      findings.wrong(check, subject, seen, mend);
    }
  }

  private boolean answers(X509TrustManager trust, boolean svid) {
    String address = here.vault().address().toString();
    HttpClient.Builder builder = HttpClient.newBuilder().connectTimeout(Findings.PATIENCE);
    if ("https".equals(here.vault().address().getScheme())) {
      SSLContext context = svid ? party.tls().context(trust) : VaultTrust.plain(trust);
      builder.sslContext(context);
    }
    try (HttpClient client = new BoundedHttpClient(builder.build())) {
      HttpResponse<Void> answer =
          client.send(
              HttpRequest.newBuilder(
                      here.vault().address().resolve("/v1/sys/health?standbyok=true"))
                  .timeout(Findings.PATIENCE)
                  .build(),
              HttpResponse.BodyHandlers.discarding());
      Instant now = time.now();
      if (answer.statusCode() != 200) {
        findings.wrong("vault", address, state(answer.statusCode()), mend(answer.statusCode()));
        return false;
      }
      findings.ok("vault", address, "is there and unsealed");
      answer.headers().firstValue("Date").ifPresent(date -> vaultClock(date, now));
      return true;
    } catch (IOException e) {
      findings.wrong(
          "vault",
          address,
          "does not answer: " + Optional.ofNullable(e.getMessage()).orElse(e.toString()),
          "compare vault.address and vault.ca, and see that Vault runs and can be reached from"
              + " here");
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    return false;
  }

  private static String state(int status) {
    return switch (status) {
      case 501 -> "is not initialised (501)";
      case 503 -> "is sealed (503)";
      default -> "says " + status + " of its health";
    };
  }

  private static String mend(int status) {
    return switch (status) {
      case 501 -> "initialise it: bao operator init";
      case 503 -> "unseal it: bao operator unseal";
      default -> "see that vault.address is an active Vault or OpenBao";
    };
  }

  /** The header has whole seconds: it is any moment of that second. */
  private void vaultClock(String date, Instant now) {
    try {
      Instant from = ZonedDateTime.parse(date, DateTimeFormatter.RFC_1123_DATE_TIME).toInstant();
      Instant to = from.plusSeconds(1);
      Duration ahead =
          now.isBefore(from)
              ? Duration.between(now, from)
              : now.isAfter(to) ? Duration.between(now, to) : Duration.ZERO;
      clock(
          "vault-clock", "", ahead, "synchronise the clocks of Vault's host and of this one (NTP)");
    } catch (DateTimeException e) {
      findings.unseen("vault-clock", "", "Vault's Date header is no date", "look by hand: date -u");
    }
  }

  /** A look needs no journal: its session has no children for long, and ends with it. */
  private static final class Nowhere implements SessionLog {
    @Override
    public void opened(Accessor session) {}

    @Override
    public void ended(Accessor session) {}
  }
}
