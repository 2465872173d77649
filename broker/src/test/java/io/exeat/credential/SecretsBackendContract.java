package io.exeat.credential;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.exeat.base.Accessor;
import io.exeat.base.Epoch;
import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import io.exeat.base.LeaseId;
import io.exeat.base.TaskId;
import io.exeat.task.AgentEntry;
import io.exeat.task.Binding;
import io.exeat.task.Budget;
import io.exeat.task.Grant;
import io.exeat.task.Target;
import io.exeat.task.Tier;
import io.spiffe.spiffeid.SpiffeId;
import java.io.ByteArrayInputStream;
import java.math.BigInteger;
import java.security.Signature;
import java.security.cert.CertificateFactory;
import java.security.cert.X509CRL;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** What every {@link SecretsBackend} does; the in-memory one and the one on a real server alike. */
public abstract class SecretsBackendContract {
  private static final Duration LIFE = Duration.ofMinutes(5);

  protected static final Grant READ = grant("orders-read", "SELECT");
  protected static final Grant WRITE = grant("orders-write", "INSERT");

  /** Longer than an epoch of these tests. */
  protected static final Grant CERTIFICATE =
      new Grant(
          "orders-tls",
          "orders-api",
          Set.of("call"),
          "internal",
          Set.of(),
          Grant.Delivery.RAW,
          Duration.ofMinutes(30),
          Budget.OF_A_GRANT,
          new Grant.Kind.Certificate(
              new Target.Pki("orders-api", "test", "orders.example.org", "pki", "shop", List.of()),
              Set.of("clerk.shop.example.org"),
              Set.of("spiffe://example.org/orders-api/clerk"),
              Grant.Key.EC_P256));

  /** Longer than an epoch of these tests. */
  protected static final Grant SSH =
      new Grant(
          "hosts-deploy",
          "hosts",
          Set.of("deploy"),
          "internal",
          Set.of(),
          Grant.Delivery.RAW,
          Duration.ofMinutes(10),
          Budget.OF_A_GRANT,
          new Grant.Kind.SshCertificate(
              new Target.Ssh("hosts", "test", "host.example.org", 22, "ssh"),
              Set.of("deploy"),
              Set.of("permit-pty"),
              Optional.of("/usr/bin/deploy --now")));

  protected static final AgentEntry AGENT =
      new AgentEntry(
          "orders-agent",
          SpiffeId.parse("spiffe://example.org/ns/shop/sa/orders/agent/orders"),
          "team-orders",
          Set.of(),
          "on-call",
          Set.of(READ.name(), WRITE.name(), CERTIFICATE.name(), SSH.name()),
          Set.of(),
          Duration.ofHours(1),
          Budget.OF_AN_AGENT,
          Set.<Binding>of(),
          Tier.STANDARD);

  /** The one under test, with a session. */
  protected abstract SecretsBackend backend();

  /** The same, as it publishes its issuers' lists. */
  protected abstract RevocationLists lists();

  /** Whether the credential opens a session at the target now. */
  protected abstract boolean logsIn(String principal, String password);

  /** Names of the roles at the target. */
  protected abstract List<String> principals();

  protected abstract void stopTarget();

  protected abstract void startTarget();

  @Test
  void aDisabledAgentGetsNothingUntilItIsEnabled() {
    backend().disable(AGENT.name(), true);
    backend().disable(AGENT.name(), true);
    try {
      assertThatThrownBy(() -> open(READ)).hasMessageContaining("disabled");
    } finally {
      backend().disable(AGENT.name(), false);
    }
    try (EpochToken token = open(READ)) {
      Lent lent = backend().issue(token, READ);
      assertThat(logsIn(lent.principal(), password(lent))).isTrue();
    }
  }

  @Test
  void aCredentialOfAnOpenEpochLogsIn() {
    try (EpochToken token = open(READ)) {
      Lent lent = backend().issue(token, READ);
      assertThat(logsIn(lent.principal(), password(lent))).isTrue();
      assertThat(lent.principal()).startsWith("x-" + token.epoch().label() + "-");
      assertThat(lent.expiresAt()).isAfter(Instant.now().minusSeconds(1));
    }
  }

  @Test
  void whatIsOutsideTheEpochsGrantsIsRefusedAndMadeNowhere() {
    EpochToken token = open(READ);
    assertThatThrownBy(() -> backend().issue(token, WRITE)).isInstanceOf(FaultException.class);
    assertThat(principals()).noneMatch(name -> name.contains(token.epoch().label()));
  }

  @Test
  void anEndedTokenIssuesNothing() {
    EpochToken token = open(READ);
    assertThat(backend().tokenGone(token.accessor())).isFalse();
    backend().endToken(token.accessor());
    assertThat(backend().tokenGone(token.accessor())).isTrue();
    assertThatThrownBy(() -> backend().issue(token, READ)).isInstanceOf(FaultException.class);
  }

  @Test
  void theLeasesOfAnEndedTokenFollow() {
    EpochToken token = open(READ);
    Lent lent = backend().issue(token, READ);
    backend().endToken(token.accessor());
    await().until(() -> backend().leaseGone(lent.lease()));
    assertThat(logsIn(lent.principal(), password(lent))).isFalse();
  }

  @Test
  void anEndedLeaseDoesNotLogInWhenTheCallReturns() {
    EpochToken token = open(READ);
    Lent lent = backend().issue(token, READ);
    assertThat(backend().leaseGone(lent.lease())).isFalse();
    backend().endLease(lent.lease());
    assertThat(logsIn(lent.principal(), password(lent))).isFalse();
    assertThat(principals()).doesNotContain(lent.principal());
    assertThat(backend().leaseGone(lent.lease())).isTrue();
    assertThat(backend().tokenGone(token.accessor())).isFalse();
  }

  @Test
  void twoCredentialsOfOneEpochAreEndedOneByOne() {
    EpochToken token = open(READ, WRITE);
    Lent first = backend().issue(token, READ);
    Lent second = backend().issue(token, WRITE);
    backend().endLease(first.lease());
    assertThat(logsIn(first.principal(), password(first))).isFalse();
    assertThat(logsIn(second.principal(), password(second))).isTrue();
  }

  @Test
  void endingWhatIsUnknownOrEndedIsNoFault() {
    EpochToken token = open(READ);
    Lent lent = backend().issue(token, READ);
    backend().endLease(lent.lease());
    backend().endLease(lent.lease());
    backend().endToken(token.accessor());
    backend().endToken(token.accessor());
    backend().endToken(new Accessor("never-was-one"));
    backend().endLease(new LeaseId("database/creds/" + READ.name() + "/never-was-one"));
    assertThat(backend().tokenGone(new Accessor("never-was-one"))).isTrue();
  }

  @Test
  void anAwayTargetIsNamedAndItsLeaseStaysUntilItIsBack() {
    EpochToken token = open(READ);
    Lent lent = backend().issue(token, READ);
    stopTarget();
    try {
      assertThat(dependencyOf(() -> backend().endLease(lent.lease())))
          .isEqualTo(Fault.Dependency.TARGET);
      assertThat(backend().leaseGone(lent.lease())).isFalse();
      assertThat(dependencyOf(() -> backend().issue(token, READ)))
          .isEqualTo(Fault.Dependency.TARGET);
    } finally {
      startTarget();
    }
    assertThat(logsIn(lent.principal(), password(lent))).isTrue();
    backend().endLease(lent.lease());
    assertThat(logsIn(lent.principal(), password(lent))).isFalse();
  }

  @Test
  void anEndedTokenProvesNothingAboutItsLeases() {
    EpochToken token = open(READ);
    Lent lent = backend().issue(token, READ);
    stopTarget();
    try {
      backend().endToken(token.accessor());
      assertThat(backend().tokenGone(token.accessor())).isTrue();
    } finally {
      startTarget();
    }
    assertThat(logsIn(lent.principal(), password(lent))).isTrue();
    backend().endLease(lent.lease());
    assertThat(logsIn(lent.principal(), password(lent))).isFalse();
  }

  @Test
  void aRenewedLeaseLivesOnAndAnEndedOneDoesNot() {
    EpochToken token = open(READ);
    Lent lent = backend().issue(token, READ);
    assertThat(backend().renew(token, lent.lease(), READ.lease()))
        .isAfterOrEqualTo(lent.expiresAt().minusSeconds(1));
    backend().endLease(lent.lease());
    assertThat(backend().renew(token, lent.lease(), READ.lease())).isEqualTo(Instant.MIN);
  }

  @Test
  void aCertificateHasItsGrantsNamesItsOwnKeyAndAnEndWithItsEpoch() throws Exception {
    EpochToken token = open(READ, CERTIFICATE);
    Lent lent = backend().issue(token, CERTIFICATE);
    Certificates it = Certificates.read(password(lent));
    assertThat(it.names())
        .containsExactlyInAnyOrder(
            "clerk.shop.example.org", "spiffe://example.org/orders-api/clerk");
    assertThat(it.own().getNotAfter().toInstant())
        .isEqualTo(lent.expiresAt())
        .isBeforeOrEqualTo(Instant.now().plus(LIFE).plusSeconds(2));
    assertThat(it.own().getSerialNumber()).isEqualTo(number(lent));
    Signature signature = Signature.getInstance("SHA256withECDSA");
    signature.initSign(it.key());
    signature.update((byte) 1);
    byte[] signed = signature.sign();
    signature.initVerify(it.own());
    signature.update((byte) 1);
    assertThat(signature.verify(signed)).isTrue();
    it.own().verify(lists().published(api()).issuer().getPublicKey());
    Lent second = backend().issue(token, CERTIFICATE);
    assertThat(second.principal()).isNotEqualTo(lent.principal());
    assertThat(Certificates.read(password(second)).key()).isNotEqualTo(it.key());
  }

  @Test
  void anEndedCertificateIsOnItsIssuersListAndAnotherIsNot() throws Exception {
    EpochToken token = open(CERTIFICATE);
    Lent ended = backend().issue(token, CERTIFICATE);
    Lent other = backend().issue(token, CERTIFICATE);
    assertThat(isListed(ended)).isFalse();
    backend().endLease(ended.lease());
    assertThat(isListed(ended)).isTrue();
    assertThat(backend().leaseGone(ended.lease())).isTrue();
    assertThat(isListed(other)).isFalse();
    backend().endToken(token.accessor());
    await().until(() -> isListed(other));
  }

  @Test
  void whatCannotBeRecalledEndsWithItsEpochAtTheLatestAndIsNoLease() {
    EpochToken token = open(READ, SSH);
    Lent lent = backend().issue(token, SSH);
    Lent second = backend().issue(token, SSH);
    assertThat(lent.expiresAt())
        .isAfter(Instant.now())
        .isBeforeOrEqualTo(Instant.now().plus(LIFE).plusSeconds(2));
    assertThat(second.principal()).isNotEqualTo(lent.principal()).matches("[0-9]+");
    assertThat(backend().leaseGone(lent.lease())).isTrue();
    assertThatThrownBy(() -> backend().issue(open(READ), SSH)).isInstanceOf(FaultException.class);
    backend().endToken(token.accessor());
    assertThatThrownBy(() -> backend().issue(token, SSH)).isInstanceOf(FaultException.class);
  }

  @Test
  void aCertificateOutsideTheEpochsGrantsIsRefused() {
    EpochToken token = open(READ);
    assertThatThrownBy(() -> backend().issue(token, CERTIFICATE))
        .isInstanceOf(FaultException.class);
  }

  private boolean isListed(Lent lent) throws Exception {
    X509CRL list =
        (X509CRL)
            CertificateFactory.getInstance("X.509")
                .generateCRL(
                    new ByteArrayInputStream(
                        lists()
                            .published(api())
                            .list()
                            .getBytes(java.nio.charset.StandardCharsets.US_ASCII)));
    return list.getRevokedCertificate(number(lent)) != null;
  }

  private static Target.Pki api() {
    return ((Grant.Kind.Certificate) CERTIFICATE.kind()).at();
  }

  private static BigInteger number(Lent lent) {
    return new BigInteger(lent.principal().replace(":", ""), 16);
  }

  @Test
  void nothingPrintsASecretOrAHandle() {
    EpochToken token = open(READ);
    Lent lent = backend().issue(token, READ);
    String secret =
        token.token().read(bytes -> new String(bytes, java.nio.charset.StandardCharsets.UTF_8));
    assertThat(token + " " + lent)
        .doesNotContain(password(lent), secret, token.accessor().value(), lent.lease().value());
  }

  protected final EpochToken open(Grant... grants) {
    return backend()
        .openEpoch(new Epoch(TaskId.random(), 1), List.of(), AGENT, List.of(grants), LIFE);
  }

  protected static String password(Lent lent) {
    return lent.secret().read(bytes -> new String(bytes, java.nio.charset.StandardCharsets.UTF_8));
  }

  /** What was away, by a fault or by a lost answer. */
  protected static Fault.Dependency dependencyOf(Runnable call) {
    try {
      call.run();
    } catch (AnswerLost lost) {
      return dependencyOf(() -> rethrow(lost.toFault()));
    } catch (FaultException e) {
      assertThat(e.fault()).isInstanceOf(Fault.Unavailable.class);
      return ((Fault.Unavailable) e.fault()).dependency();
    }
    throw new AssertionError("no fault");
  }

  private static void rethrow(FaultException e) {
    throw e;
  }

  private static Grant grant(String name, String right) {
    return new Grant(
        name,
        "orders-db",
        Set.of("read"),
        "internal",
        Set.of(),
        Grant.Delivery.RAW,
        Duration.ofSeconds(60),
        Budget.OF_A_GRANT,
        new Grant.Kind.Postgres(List.of(new Grant.Privilege(Set.of(right), "shop", "orders"))));
  }
}
