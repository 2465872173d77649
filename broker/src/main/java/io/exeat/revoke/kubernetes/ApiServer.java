package io.exeat.revoke.kubernetes;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.MissingNode;
import io.exeat.base.BoundedHttpClient;
import io.exeat.base.SecretBytes;
import io.exeat.identity.PemAuthorities;
import io.exeat.task.Target;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.security.GeneralSecurityException;
import java.time.Duration;
import java.util.Optional;
import javax.net.ssl.SSLContext;

/** Asks one cluster's API server, in JSON, over TLS that its own authorities vouch for. */
final class ApiServer implements AutoCloseable {
  private static final long MOST_BYTES = 16L << 20;
  private static final ObjectMapper JSON = new ObjectMapper();

  private final String base;
  private final Duration timeout;
  private final HttpClient http;

  ApiServer(Target.Kubernetes target, Duration timeout) {
    String host = target.host().contains(":") ? "[" + target.host() + "]" : target.host();
    this.base = "https://" + host + ":" + target.port();
    this.timeout = timeout;
    this.http =
        new BoundedHttpClient(
            HttpClient.newBuilder()
                .version(HttpClient.Version.HTTP_1_1)
                .connectTimeout(timeout)
                .followRedirects(HttpClient.Redirect.NEVER)
                .sslContext(trusting(target.authorities()))
                .build());
  }

  /**
   * What it answered.
   *
   * @param date its own clock, in whole seconds (RFC 9110, 6.6.1)
   */
  record Said(int status, JsonNode body, Optional<String> date) {
    boolean done() {
      return status / 100 == 2;
    }

    /** Why not, in its own words (Status.message). */
    String message() {
      return body.path("message").asText("it answered " + status);
    }
  }

  /**
   * One call.
   *
   * @param path with its query
   * @param body empty for none
   */
  Said ask(String method, String path, Optional<JsonNode> body, SecretBytes token)
      throws IOException, InterruptedException {
    HttpRequest request =
        HttpRequest.newBuilder(URI.create(base + path))
            .timeout(timeout)
            .header("Authorization", "Bearer " + token.read(bytes -> new String(bytes, UTF_8)))
            .header("Accept", "application/json")
            .header("Content-Type", "application/json")
            .method(
                method,
                body.isPresent()
                    ? HttpRequest.BodyPublishers.ofByteArray(JSON.writeValueAsBytes(body.get()))
                    : HttpRequest.BodyPublishers.noBody())
            .build();
    HttpResponse<byte[]> answer =
        http.send(
            request,
            HttpResponse.BodyHandlers.limiting(
                HttpResponse.BodyHandlers.ofByteArray(), MOST_BYTES));
    return new Said(
        answer.statusCode(), parsed(answer.body()), answer.headers().firstValue("Date"));
  }

  private static JsonNode parsed(byte[] body) throws IOException {
    return body.length > 0 && body[0] == '{' ? JSON.readTree(body) : MissingNode.getInstance();
  }

  private static SSLContext trusting(String authorities) {
    try {
      return PemAuthorities.context(new ByteArrayInputStream(authorities.getBytes(US_ASCII)));
    } catch (IOException | GeneralSecurityException e) {
      throw new IllegalArgumentException("no authorities of a cluster", e);
    }
  }

  @Override
  public void close() {
    http.shutdownNow();
  }
}
