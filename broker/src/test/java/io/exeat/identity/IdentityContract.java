package io.exeat.identity;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import com.nimbusds.jwt.SignedJWT;
import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import io.exeat.base.Subscription;
import io.exeat.identity.workload.WorkloadIdentity;
import io.spiffe.spiffeid.SpiffeId;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.NullMarked;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What every source of the broker's identity keeps to, whoever issues. */
@NullMarked
@SuppressWarnings("NullAway.Init") // JUnit calls begin() first
public abstract class IdentityContract {
  /** Someone who issues to this very process. */
  protected interface Issuer extends AutoCloseable {
    Path workloadSocket();

    /** This process's SPIFFE ID while it is entitled, which it is to begin with. */
    SpiffeId own();

    void withdraw();

    void restore();

    void stop();

    void start();

    /** How long it may take until a change of entries is told. */
    Duration patience();

    @Override
    void close();
  }

  protected final SpiffeTransport transport = new SpiffeTransport();
  private Issuer issuer;
  private WorkloadIdentity source;

  /** Started, with this process entitled. */
  protected abstract Issuer issuer();

  @BeforeEach
  final void begin() {
    issuer = issuer();
    source = open(issuer.own(), issuer.patience()).await();
  }

  @AfterEach
  final void end() {
    source.close();
    issuer.close();
    transport.close();
  }

  private WorkloadIdentity open(SpiffeId id, Duration within) {
    return new WorkloadIdentity(
        new IdentityConfig(issuer.workloadSocket(), id, "", within), transport, TestTime.real());
  }

  @Test
  final void theOwnSvidIsTheConfiguredOneAndVerifiesByTheBundle() {
    assertThat(source.svid().id()).isEqualTo(issuer.own());
    assertThat(source.svids(issuer.own(), "")).containsExactly(source.svid());
    assertThat(new SpiffeTls(source, TestTime.real()).verify(source.svid().chain()))
        .isEqualTo(issuer.own());
    assertThat(source.svid().toString())
        .doesNotContain("PRIVATE")
        .contains(issuer.own().toString());
  }

  @Test
  final void anIdThatIsNotOursIsNobodys() {
    SpiffeId other = SpiffeIds.parse("id", issuer.own() + "-other");

    assertThat(source.svids(other, "")).isEmpty();
    try (WorkloadIdentity wrong = open(other, Duration.ofMillis(300))) {
      assertThatThrownBy(wrong::await)
          .isInstanceOfSatisfying(
              FaultException.class,
              e -> assertThat(e.fault()).isInstanceOf(Fault.Unavailable.class))
          .hasMessageContaining(other.toString());
    }
  }

  @Test
  final void aJwtIsOursForTheOneAudienceAndKeptUntilHalfOfItsLife() throws Exception {
    String token = source.jwt("vault", Duration.ofSeconds(5));

    assertThat(SignedJWT.parse(token).getJWTClaimsSet().getSubject())
        .isEqualTo(issuer.own().toString());
    assertThat(SignedJWT.parse(token).getJWTClaimsSet().getAudience()).isEqualTo(List.of("vault"));
    assertThat(source.jwt("vault", Duration.ofSeconds(5))).isEqualTo(token);
    assertThat(source.jwt("other", Duration.ofSeconds(5))).isNotEqualTo(token);
  }

  @Test
  final void aWithdrawnIdentityIsDroppedAndARestoredOneComesBack() {
    AtomicInteger changes = new AtomicInteger();
    try (Subscription _ = source.onChange(changes::incrementAndGet)) {
      issuer.withdraw();
      await()
          .atMost(issuer.patience())
          .untilAsserted(() ->
              assertThatThrownBy(source::svid)
                  .isInstanceOfSatisfying(
                      FaultException.class,
                      e -> assertThat(e.fault()).isInstanceOf(Fault.Unavailable.class)));
      assertThatThrownBy(() -> source.jwt("vault", Duration.ofSeconds(1)))
          .isInstanceOf(FaultException.class);
      assertThat(source.trust().authorities(issuer.own().getTrustDomain())).isEmpty();

      issuer.restore();
      await()
          .atMost(issuer.patience())
          .ignoreExceptionsInstanceOf(FaultException.class)
          .untilAsserted(() -> assertThat(source.svid()).isNotNull());
      assertThat(changes).hasValueGreaterThanOrEqualTo(2);
    }
  }

  @Test
  final void whileTheAgentIsAwayTheLastSvidStaysAndSoonAfterItsReturnThereIsANewOne() {
    Svid before = source.svid();

    issuer.stop();
    assertThat(source.svid()).isEqualTo(before);
    assertThatThrownBy(() -> source.jwt("never asked", Duration.ofMillis(300)))
        .isInstanceOf(FaultException.class);
    issuer.start();

    long back = System.nanoTime();
    await()
        .atMost(Duration.ofSeconds(2))
        .pollInterval(Duration.ofMillis(10))
        .untilAsserted(() -> assertThat(source.svid()).isNotEqualTo(before));
    System.out.printf(
        "identity: a new own SVID %d ms after the agent was back%n",
        (System.nanoTime() - back) / 1_000_000);
  }
}
