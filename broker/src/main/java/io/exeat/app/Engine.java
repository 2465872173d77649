package io.exeat.app;

import io.exeat.audit.AuditEvent;
import io.exeat.audit.AuditSink;
import io.exeat.audit.file.FileAudit;
import io.exeat.base.Accessor;
import io.exeat.base.Spread;
import io.exeat.base.Time;
import io.exeat.credential.Lanes;
import io.exeat.credential.SecretsBackend;
import io.exeat.credential.SessionLog;
import io.exeat.credential.vault.VaultBackend;
import io.exeat.credential.vault.VaultSettings;
import io.exeat.flow.Office;
import io.exeat.flow.Readings;
import io.exeat.flow.Steps;
import io.exeat.flow.Vitals;
import io.exeat.gateway.metrics.Measured;
import io.exeat.identity.SpiffeTls;
import io.exeat.journal.Journal;
import io.exeat.journal.sqlite.SqliteJournal;
import io.exeat.revoke.Revoker;
import io.exeat.revoke.SvidSigner;
import io.exeat.revoke.TargetVerifier;
import io.exeat.revoke.kubernetes.KubernetesVerifier;
import io.exeat.revoke.pki.PkiVerifier;
import io.exeat.revoke.postgres.PostgresVerifier;
import io.exeat.revoke.ttl.EndsByItself;
import io.exeat.task.Target;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.function.Supplier;
import javax.net.ssl.X509TrustManager;
import org.jspecify.annotations.Nullable;

/** The broker behind the doors: everything from the task on. */
record Engine(
    Office office,
    CatalogueWatch catalogue,
    PolicyWatch policy,
    Journal journal,
    AuditSink audit,
    VaultBackend backend,
    Map<String, TargetVerifier> verifiers,
    Map<String, Spread> writes) {
  /** For one call to a target. */
  private static final Duration TARGET_TIMEOUT = Duration.ofSeconds(5);

  /**
   * Makes it and starts settling what another run left behind.
   *
   * @throws io.exeat.config.ConfigException for the catalogue
   * @throws io.exeat.base.CannotStart for the disk
   */
  static Engine make(
      BrokerConfig config,
      BrokerConfig.AllInOne here,
      Party party,
      Supplier<Vitals> vitals,
      Time time,
      Closing closing) {
    CatalogueWatch catalogue = new CatalogueWatch(here.catalogue(), config.approverDoors());
    PolicyWatch policy = closing.later(new PolicyWatch(here.policy(), time));
    SqliteJournal journal = closing.later(SqliteJournal.open(here.journal(), time));
    FileAudit audit = closing.later(FileAudit.open(here.audit(), here.auditRotateAt(), time));
    policy.tell(audit::recordEnding);
    Sessions sessions = new Sessions(journal, new CountDownLatch(1));
    VaultBackend backend =
        closing.later(
            backend(
                config,
                here.vault(),
                party,
                VaultTrust.of(here.vault().ca(), "vault.ca"),
                sessions,
                time));
    Map<String, TargetVerifier> verifiers = new LinkedHashMap<>();
    catalogue
        .get()
        .targets()
        .forEach((name, target) ->
            verifier(target, here, backend, catalogue, time)
                .ifPresent(it -> verifiers.put(name, closing.later(it))));
    SecretsBackend lanes = new Lanes(backend);
    Revoker revoker = closing.later(new Revoker(lanes, verifiers, time));
    Office office =
        new Office(
            new Steps(
                party.attestor(),
                catalogue,
                policy,
                lanes,
                revoker,
                new SvidSigner(party.identity(), time),
                journal,
                audit,
                time),
            vitals);
    closing.later(backend.onLost(office::lost));
    closing.later(backend.onExpiring(office::expiring));
    closing.later(() -> office.recovery().stop());
    int left = office.recovery().start();
    audit.recordEnding(
        new AuditEvent.BrokerStarted(Own.version(), config.identity().id().toString(), left));
    sessions.recovered().countDown();
    return new Engine(
        office,
        catalogue,
        policy,
        journal,
        audit,
        backend,
        Map.copyOf(verifiers),
        Map.of("journal", journal.waits(), "audit", audit.waits()));
  }

  /** What there is to count, as far as there is a broker behind the doors. */
  static Measured measured(@Nullable Engine engine, Vitals vitals) {
    if (engine == null) {
      return Measured.of(vitals);
    }
    Map<String, Spread.Seen> waits = new LinkedHashMap<>();
    engine.writes.forEach((file, spread) -> waits.put(file, spread.seen()));
    Optional<Readings> readings = Optional.of(engine.office.readings());
    return new Measured(vitals, readings, waits, engine.policy.age(), engine.policy.sha256());
  }

  static VaultSettings settings(BrokerConfig.Vault vault) {
    return new VaultSettings(
        vault.address(),
        vault.namespace(),
        vault.mount(),
        vault.role(),
        vault.audience(),
        vault.timeout(),
        vault.longestTask(),
        vault.sessionTtl(),
        vault.developmentPlaintext());
  }

  private static VaultBackend backend(
      BrokerConfig config,
      BrokerConfig.Vault vault,
      Party party,
      X509TrustManager trust,
      SessionLog sessions,
      Time time) {
    SpiffeTls tls = party.tls();
    return new VaultBackend(
        settings(vault),
        config.identity().id().toString(),
        party.identity(),
        () -> tls.context(trust),
        sessions,
        time);
  }

  /** Nobody looks where nothing is lent. */
  private static Optional<TargetVerifier> verifier(
      Target target,
      BrokerConfig.AllInOne here,
      VaultBackend backend,
      CatalogueWatch catalogue,
      Time time) {
    return switch (target) {
      case Target.Postgres postgres ->
          Optional.of(
              new PostgresVerifier(postgres, here.targetsCa(), backend, TARGET_TIMEOUT, time));
      case Target.Pki pki ->
          Optional.of(new PkiVerifier(pki, backend, backend::clockAhead, TARGET_TIMEOUT, time));
      case Target.Ssh _ -> Optional.of(new EndsByItself(backend::clockAhead, time));
      case Target.Kubernetes cluster ->
          Optional.of(
              new KubernetesVerifier(
                  cluster, backend, () -> catalogue.get().grants(), TARGET_TIMEOUT, time));
      case Target.Service _ -> Optional.empty();
    };
  }

  /**
   * Writes sessions down; none before {@code recovered}, because every session that the journal
   * then holds is taken for another run's.
   */
  private record Sessions(Journal journal, CountDownLatch recovered) implements SessionLog {
    @Override
    public void opened(Accessor session) {
      try {
        recovered.await();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
      journal.session(session);
    }

    @Override
    public void ended(Accessor session) {
      journal.sessionEnded(session);
    }
  }
}
