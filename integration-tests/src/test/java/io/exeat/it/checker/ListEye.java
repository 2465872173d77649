package io.exeat.it.checker;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.math.BigInteger;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.security.GeneralSecurityException;
import java.security.cert.CertificateFactory;
import java.security.cert.X509CRL;
import java.security.cert.X509CRLEntry;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.util.HashSet;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;

/** Fetches the issuer's revocation list as those do who are shown a certificate: as nobody. */
final class ListEye {
  private static final Duration PATIENCE = Duration.ofSeconds(3);

  private final URI issuer;
  private final HttpClient http;
  private final Consumer<String> broken;
  private volatile String trouble = "";

  /**
   * One look.
   *
   * @param begun the look saw nothing of before
   */
  record Sight(Instant begun, Set<BigInteger> listed) {
    /** Whether a certificate is listed, by its serial number as Vault writes it. */
    boolean has(String serial) {
      return listed.contains(new BigInteger(serial.replace(":", ""), 16));
    }
  }

  /**
   * @param broken hears why the list is not to be believed
   */
  ListEye(Estate estate, Consumer<String> broken) {
    this.issuer = estate.vault().resolve("/v1/" + estate.issuer() + "/");
    this.http = HttpClient.newBuilder().sslContext(estate.trust()).connectTimeout(PATIENCE).build();
    this.broken = broken;
  }

  /** What is listed; empty while Vault does not answer. */
  synchronized Optional<Sight> look() {
    try {
      Instant begun = Instant.now();
      CertificateFactory form = CertificateFactory.getInstance("X.509");
      X509Certificate own = (X509Certificate) form.generateCertificate(fetch("der"));
      X509CRL list = (X509CRL) form.generateCRL(fetch("crl/der"));
      list.verify(own.getPublicKey());
      if (list.getNextUpdate() == null || list.getNextUpdate().toInstant().isBefore(begun)) {
        broken.accept("stale since " + list.getNextUpdate());
      }
      Set<BigInteger> listed = new HashSet<>();
      Set<? extends X509CRLEntry> entries = list.getRevokedCertificates();
      if (entries != null) {
        entries.forEach(entry -> listed.add(entry.getSerialNumber()));
      }
      trouble = "";
      return Optional.of(new Sight(begun, listed));
    } catch (IOException e) {
      trouble = "the list: " + e;
      return Optional.empty();
    } catch (GeneralSecurityException e) {
      trouble = "the list: " + e;
      broken.accept("not to be believed: " + e);
      return Optional.empty();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return Optional.empty();
    }
  }

  /** Why the last look was in vain; empty where it was not. */
  String trouble() {
    return trouble;
  }

  private ByteArrayInputStream fetch(String what) throws IOException, InterruptedException {
    HttpResponse<byte[]> response =
        http.send(
            HttpRequest.newBuilder(issuer.resolve(what)).timeout(PATIENCE).build(),
            HttpResponse.BodyHandlers.ofByteArray());
    if (response.statusCode() != 200) {
      throw new IOException("Vault said " + response.statusCode() + " to " + what);
    }
    return new ByteArrayInputStream(response.body());
  }
}
