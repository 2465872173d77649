package io.exeat.app;

import io.exeat.base.Accessor;
import io.exeat.base.Epoch;
import io.exeat.base.FaultException;
import io.exeat.base.TaskId;
import io.exeat.base.Time;
import io.exeat.credential.SessionLog;
import io.exeat.credential.vault.VaultBackend;
import io.exeat.revoke.TargetVerifier;
import io.exeat.revoke.postgres.PostgresVerifier;
import io.exeat.task.Catalogue;
import io.exeat.task.Target;
import java.io.IOException;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.time.Instant;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.util.Optional;
import javax.net.ssl.X509TrustManager;

/** The doctor's look at Vault and at each target through it. */
final class VaultCheckup {
  private static final Duration CLOCKS = Duration.ofSeconds(2);

  private final Findings findings;

  VaultCheckup(Findings findings) {
    this.findings = findings;
  }

  void look(
      BrokerConfig config,
      BrokerConfig.AllInOne here,
      Catalogue catalogue,
      Party party,
      Time time,
      Closing closing) {
    X509TrustManager trust = VaultTrust.of(here.vault().ca());
    clock(here.vault(), party, trust);
    VaultBackend backend =
        closing.later(
            new VaultBackend(
                Engine.settings(here.vault()),
                config.identity().id().toString(),
                party.identity(),
                () -> party.tls().context(trust),
                new Nowhere(),
                time));
    boolean session = Findings.until(() -> backend.health().available());
    findings.check(
        "a session at Vault by JWT-SVID",
        session,
        backend.health().problem().orElse(""),
        "exeat vault apply, with the JWT authorities of the SPIRE server");
    catalogue
        .targets()
        .forEach((name, target) -> {
          if (session && target instanceof Target.Postgres postgres) {
            target(name, postgres, here, backend, time);
          }
        });
  }

  /**
   * Vault lends the verifier's login only where the policy and the database are as they must be.
   */
  private void target(
      String name,
      Target.Postgres postgres,
      BrokerConfig.AllInOne here,
      VaultBackend backend,
      Time time) {
    try (TargetVerifier verifier =
        new PostgresVerifier(postgres, here.targetsCa(), backend, Findings.PATIENCE, time)) {
      var seen =
          verifier.look(new TargetVerifier.Mark(new Epoch(TaskId.random(), 1), Optional.empty()));
      findings.check(
          "target " + name + " through the verifier",
          seen.dead(),
          "",
          String.join("; ", seen.alive()));
    } catch (FaultException e) {
      findings.check(
          "target " + name + " through the verifier",
          false,
          String.valueOf(e.getMessage()),
          "exeat vault sql prints what its superuser runs; then exeat vault apply");
    }
  }

  private void clock(BrokerConfig.Vault vault, Party party, X509TrustManager trust) {
    HttpClient.Builder builder = HttpClient.newBuilder().connectTimeout(Findings.PATIENCE);
    if ("https".equals(vault.address().getScheme())) {
      builder.sslContext(party.tls().context(trust));
    }
    try (HttpClient client = builder.build()) {
      HttpResponse<Void> answer =
          client.send(
              HttpRequest.newBuilder(vault.address().resolve("/v1/sys/health"))
                  .timeout(Findings.PATIENCE)
                  .build(),
              HttpResponse.BodyHandlers.discarding());
      findings.check(
          "Vault answers",
          answer.statusCode() == 200,
          vault.address() + " with " + answer.statusCode(),
          "503 is sealed: unseal it; 501 is not initialised");
      answer
          .headers()
          .firstValue("Date")
          .ifPresent(date -> {
            Duration apart =
                Duration.between(
                        ZonedDateTime.parse(date, DateTimeFormatter.RFC_1123_DATE_TIME).toInstant(),
                        Instant.now())
                    .abs();
            // The header has whole seconds.
            findings.check(
                "Vault's clock",
                apart.minusSeconds(1).compareTo(CLOCKS) <= 0,
                "%.1f s apart".formatted(apart.toMillis() / 1000.0),
                "synchronise both clocks: JWT-SVIDs and leases are dated");
          });
    } catch (IOException e) {
      findings.check(
          "Vault answers", false, vault.address() + ": " + e, "vault.address and vault.ca");
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** A look needs no journal: its session has no children and ends with it. */
  private static final class Nowhere implements SessionLog {
    @Override
    public void opened(Accessor session) {}

    @Override
    public void ended(Accessor session) {}
  }
}
