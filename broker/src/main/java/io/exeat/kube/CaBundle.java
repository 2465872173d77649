package io.exeat.kube;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import io.exeat.base.BoundedHttpClient;
import io.exeat.base.Time;
import io.exeat.identity.IdentitySource;
import io.exeat.identity.PemAuthorities;
import io.spiffe.spiffeid.TrustDomain;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.cert.CertificateEncodingException;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Collections;
import java.util.List;
import java.util.Set;
import javax.net.ssl.SSLContext;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps the webhook's {@code caBundle} at SPIRE's trust bundle, by which the API server knows the
 * injector's SVID. SPIRE publishes a new authority before it signs with it, so that this comes in
 * time. While it cannot, what is registered stays.
 */
public final class CaBundle {
  private static final Logger LOG = LoggerFactory.getLogger(CaBundle.class);
  private static final String WEBHOOKS =
      "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/";
  private static final JsonMapper JSON = new JsonMapper();
  private static final int MOST_BYTES = 4 << 20;
  private static final Duration WITHIN = Duration.ofSeconds(5);

  /** Somebody else may have set it: an upgrade, a hand. */
  private static final Duration AGAIN = Duration.ofMinutes(1);

  private static final Duration AFTER_A_FAILURE = Duration.ofSeconds(5);

  private final InjectConfig.Registration registration;
  private final IdentitySource identity;
  private final TrustDomain domain;
  private final Time time;
  private String looked = "";
  private long next;
  private String complaint = "";

  /**
   * @param domain whose authorities they are
   */
  public CaBundle(
      InjectConfig.Registration registration,
      IdentitySource identity,
      TrustDomain domain,
      Time time) {
    this.registration = registration;
    this.identity = identity;
    this.domain = domain;
    this.time = time;
  }

  /**
   * Looks whether the trust bundle is another, or what is registered; to be called every second or
   * so, by one thread. Waits 15 s at most, for the API server; never throws for what it says.
   */
  public void look() throws InterruptedException {
    Set<X509Certificate> authorities = identity.trust().authorities(domain);
    if (authorities.isEmpty()) {
      return; // SPIRE is away
    }
    try {
      String bundle = pem(authorities);
      if (bundle.equals(looked) && !time.reached(next)) {
        return;
      }
      looked = bundle;
      next = time.after(AFTER_A_FAILURE);
      register(Base64.getEncoder().encodeToString(bundle.getBytes(StandardCharsets.US_ASCII)));
      next = time.after(AGAIN);
      complaint = "";
    } catch (IOException | GeneralSecurityException e) {
      String now = String.valueOf(e.getMessage());
      if (!now.equals(complaint)) {
        LOG.warn(
            "The caBundle of the webhook {} cannot be kept: {}; what is registered stays",
            registration.webhook(),
            now);
        complaint = now;
      }
    }
  }

  private void register(String bundle)
      throws IOException, GeneralSecurityException, InterruptedException {
    try (HttpClient http =
        new BoundedHttpClient(
            HttpClient.newBuilder()
                .connectTimeout(WITHIN)
                .followRedirects(HttpClient.Redirect.NEVER)
                .sslContext(trusting(registration.account().resolve("ca.crt")))
                .build())) {
      String path = WEBHOOKS + registration.webhook();
      JsonNode webhooks = asked(http, request(path).GET()).path("webhooks");
      ArrayNode patch = JsonNodeFactory.instance.arrayNode();
      for (int i = 0; i < webhooks.size(); i++) {
        JsonNode webhook = webhooks.get(i);
        if (!webhook.path("clientConfig").path("caBundle").asText().equals(bundle)) {
          // Only while it is the one that was looked at.
          patch
              .addObject()
              .put("op", "test")
              .put("path", "/webhooks/" + i + "/name")
              .put("value", webhook.path("name").asText());
          patch
              .addObject()
              .put("op", "add")
              .put("path", "/webhooks/" + i + "/clientConfig/caBundle")
              .put("value", bundle);
        }
      }
      if (!patch.isEmpty()) {
        var _ =
            asked(
                http,
                request(path)
                    .header("Content-Type", "application/json-patch+json")
                    .method("PATCH", BodyPublishers.ofString(patch.toString())));
        LOG.info("The caBundle of the webhook {} is SPIRE's now", registration.webhook());
      }
    } catch (IllegalArgumentException e) {
      throw new IOException("the token in " + registration.account() + " cannot be used", e);
    }
  }

  private HttpRequest.Builder request(String path) throws IOException {
    // Read each time: the kubelet replaces it within the hour.
    String token = Files.readString(registration.account().resolve("token")).strip();
    return HttpRequest.newBuilder(URI.create(registration.apiServer() + path))
        .timeout(WITHIN)
        .header("Authorization", "Bearer " + token)
        .header("Accept", "application/json");
  }

  private JsonNode asked(HttpClient http, HttpRequest.Builder request)
      throws IOException, InterruptedException {
    HttpResponse<byte[]> answer =
        http.send(request.build(), BodyHandlers.limiting(BodyHandlers.ofByteArray(), MOST_BYTES));
    if (answer.statusCode() != 200) {
      throw new IOException(
          "the API server answers %d to %s of mutatingwebhookconfigurations/%s"
              .formatted(answer.statusCode(), answer.request().method(), registration.webhook()));
    }
    return JSON.readTree(answer.body());
  }

  private static SSLContext trusting(Path file) throws IOException, GeneralSecurityException {
    try (InputStream in = Files.newInputStream(file)) {
      return PemAuthorities.context(in);
    }
  }

  /** In one order always, so that replicas agree. */
  private static String pem(Set<X509Certificate> authorities) throws CertificateEncodingException {
    List<String> all = new ArrayList<>();
    for (X509Certificate each : authorities) {
      all.add(
          "-----BEGIN CERTIFICATE-----\n"
              + Base64.getMimeEncoder(64, new byte[] {'\n'}).encodeToString(each.getEncoded())
              + "\n-----END CERTIFICATE-----\n");
    }
    Collections.sort(all);
    return String.join("", all);
  }
}
