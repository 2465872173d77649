package io.exeat.revoke.pki;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.net.httpserver.HttpServer;
import io.exeat.base.Epoch;
import io.exeat.base.FaultException;
import io.exeat.base.TaskId;
import io.exeat.base.Time;
import io.exeat.credential.InMemoryIssuer;
import io.exeat.credential.RevocationLists;
import io.exeat.revoke.TargetVerifier.Known;
import io.exeat.revoke.TargetVerifier.Mark;
import io.exeat.revoke.TargetVerifier.Sighting;
import io.exeat.task.Target;
import java.io.IOException;
import java.math.BigInteger;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicReference;
import org.bouncycastle.asn1.x509.CRLReason;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What is dead, by the lists of an issuer in memory. */
final class PkiVerifierTest {
  private static final Instant NOW = Instant.parse("2026-11-22T12:00:00Z");
  private static final Duration HOUR = Duration.ofHours(1);
  private static final BigInteger NUMBER = BigInteger.valueOf(0xabcdef);
  private static final Known LENT = new Known("ab:cd:ef", "orders-call", NOW.plus(HOUR));

  private final InMemoryIssuer issuer = new InMemoryIssuer("shop");
  private final AtomicReference<byte[]> list = new AtomicReference<>(fresh());
  private final AtomicReference<Instant> now = new AtomicReference<>(NOW);
  private Optional<HttpServer> server = Optional.empty();

  @AfterEach
  void close() {
    server.ifPresent(it -> it.stop(0));
  }

  @Test
  void aCertificateIsAliveUntilTheListHasIt() {
    assertThat(look(LENT).alive()).singleElement().asString().contains("ab:cd:ef is not on");
    issuer.list(NUMBER, CRLReason.unspecified);
    assertThat(look(LENT).dead()).isFalse();
    list.set(fresh());
    Sighting seen = look(LENT);
    assertThat(seen.dead()).isTrue();
    assertThat(seen.checks()).singleElement().asString().contains("ab:cd:ef is on", "Vault");
  }

  @Test
  void oneOfTwoThatIsNotOnTheListIsAlive() {
    issuer.list(NUMBER, CRLReason.unspecified);
    list.set(fresh());
    assertThat(look(LENT, new Known("ab:cd:ee", "orders-call", NOW.plus(HOUR))).alive())
        .singleElement()
        .asString()
        .contains("ab:cd:ee");
  }

  @ParameterizedTest
  @ValueSource(ints = {CRLReason.certificateHold, CRLReason.removeFromCRL})
  void whatCanBeTakenBackIsNoEnd(int reason) {
    issuer.list(NUMBER, reason);
    list.set(fresh());
    assertThat(look(LENT).dead()).isFalse();
  }

  @Test
  void aListThatIsStaleOrNotYetOrAnothersIsNotGoneBy() {
    issuer.list(NUMBER, CRLReason.unspecified);
    list.set(issuer.list(NOW.minus(HOUR), NOW.minusSeconds(1)));
    refused("stale");
    list.set(issuer.list(NOW.plus(HOUR), NOW.plus(HOUR).plus(HOUR)));
    refused("holds from");
    InMemoryIssuer namesake = new InMemoryIssuer("shop");
    namesake.list(NUMBER, CRLReason.unspecified);
    list.set(namesake.list(NOW, NOW.plus(HOUR)));
    refused("not signed by the issuer");
    list.set(new byte[] {1, 2, 3});
    refused("no revocation list");
    list.set(new byte[0]);
    refused("no revocation list");
  }

  @Test
  void anExpiredCertificateIsDeadWithoutAList() {
    list.set(new byte[0]);
    now.set(LENT.expiresAt().plusSeconds(2));
    refused("no revocation list");
    now.set(LENT.expiresAt().plusSeconds(4));
    assertThat(look(LENT).checks()).singleElement().asString().contains("expired");
  }

  @Test
  void whereItIsPublishedItMustBeOnTheListToo() throws IOException {
    AtomicReference<byte[]> published = new AtomicReference<>(fresh());
    URI place = serve(published);
    issuer.list(NUMBER, CRLReason.unspecified);
    list.set(fresh());
    try (PkiVerifier verifier = verifier(List.of(place))) {
      assertThat(verifier.look(mark(LENT)).alive())
          .singleElement()
          .asString()
          .contains("not on the revocation list of " + place);
      published.set(fresh());
      assertThat(verifier.look(mark(LENT)).checks()).hasSize(2);
      assertThat(verifier.look(mark(LENT)).dead()).isTrue();
      server.ifPresent(it -> it.stop(0));
      assertThatThrownBy(() -> verifier.look(mark(LENT))).hasMessageContaining("cannot be fetched");
      assertThat(verifier.health().available()).isFalse();
    }
  }

  @Test
  void nothingThatWasHandedOutIsNothingAlive() {
    assertThat(look().dead()).isTrue();
    assertThat(look().checks()).containsExactly("no certificate of it was handed out");
  }

  private void refused(String why) {
    assertThatThrownBy(() -> look(LENT))
        .isInstanceOf(FaultException.class)
        .hasMessageContaining(why);
  }

  private Sighting look(Known... known) {
    try (PkiVerifier verifier = verifier(List.of())) {
      return verifier.look(mark(known));
    }
  }

  private static Mark mark(Known... known) {
    return new Mark(new Epoch(TaskId.random(), 1), Optional.empty(), List.of(known));
  }

  private PkiVerifier verifier(List<URI> lists) {
    return new PkiVerifier(
        new Target.Pki("shop-tls", "test", "shop.example", "pki", "shop", lists),
        target ->
            new RevocationLists.Published(
                issuer.certificate(), InMemoryIssuer.pem("X509 CRL", list.get())),
        () -> Duration.ZERO,
        Duration.ofSeconds(5),
        new Time(now::get, System::nanoTime));
  }

  private byte[] fresh() {
    return issuer.list(NOW, NOW.plus(HOUR).plus(HOUR));
  }

  private URI serve(AtomicReference<byte[]> bytes) throws IOException {
    HttpServer http =
        HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    http.createContext(
        "/shop.crl",
        exchange -> {
          byte[] body = bytes.get();
          exchange.sendResponseHeaders(200, body.length);
          exchange.getResponseBody().write(body);
          exchange.close();
        });
    http.start();
    server = Optional.of(http);
    return URI.create("http://127.0.0.1:" + http.getAddress().getPort() + "/shop.crl");
  }
}
