package io.exeat.credential.vault;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.MissingNode;
import io.exeat.base.SecretBytes;
import io.github.jopenlibs.vault.rest.Rest;
import io.github.jopenlibs.vault.rest.RestException;
import io.github.jopenlibs.vault.rest.RestResponse;
import java.io.IOException;
import java.net.ConnectException;
import java.net.http.HttpConnectTimeoutException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLHandshakeException;

/**
 * Calls to Vault over kept connections: the driver's {@code Rest} with an HTTP client of ours (ADR
 * 0010). One call is one request: nothing is repeated by us and no redirect is followed, so that a
 * token goes to the configured address alone.
 */
final class VaultClient implements AutoCloseable {
  private static final JsonMapper JSON = JsonMapper.builder().build();

  private final VaultSettings settings;
  private final Connections connections;
  private final String base;

  VaultClient(VaultSettings settings, Supplier<SSLContext> tls) {
    this.settings = settings;
    this.connections = new Connections(settings, tls);
    String address = settings.address().toString();
    this.base = (address.endsWith("/") ? address : address + "/") + "v1/";
  }

  /** Connections from now on are made with a context made now; calls in flight finish on theirs. */
  void renewTls() {
    connections.renew();
  }

  Answer get(String path, SecretBytes token) throws NoAnswer {
    return call(Method.GET, path, Optional.of(token), Map.of(), settings.timeout());
  }

  Answer list(String path, SecretBytes token) throws NoAnswer {
    return call(Method.GET, path + "?list=true", Optional.of(token), Map.of(), settings.timeout());
  }

  Answer delete(String path, SecretBytes token) throws NoAnswer {
    return call(Method.DELETE, path, Optional.of(token), Map.of(), settings.timeout());
  }

  Answer post(String path, SecretBytes token, Map<String, ?> body) throws NoAnswer {
    return call(Method.POST, path, Optional.of(token), body, settings.timeout());
  }

  Answer post(String path, SecretBytes token, Map<String, ?> body, Duration timeout)
      throws NoAnswer {
    return call(Method.POST, path, Optional.of(token), body, timeout);
  }

  /** Without a token, and of Vault itself: in no namespace. */
  Answer health() throws NoAnswer {
    return call(Method.HEALTH, "sys/health", Optional.empty(), Map.of(), settings.timeout());
  }

  /** Without a token: what anybody is told. */
  Answer told(String path) throws NoAnswer {
    return call(Method.GET, path, Optional.empty(), Map.of(), settings.timeout());
  }

  /** Without a token: the login. */
  Answer login(String path, Map<String, ?> body) throws NoAnswer {
    return call(Method.POST, path, Optional.empty(), body, settings.timeout());
  }

  @Override
  public void close() {
    connections.close();
  }

  private enum Method {
    GET,
    HEALTH,
    POST,
    DELETE
  }

  private Answer call(
      Method method,
      String path,
      Optional<SecretBytes> token,
      Map<String, ?> body,
      Duration timeout)
      throws NoAnswer {
    try (Connections.Lease lease = connections.lend()) {
      Rest rest =
          new Rest(lease.http())
              .url(base + path)
              .readTimeoutSeconds(Math.toIntExact(Math.max(1, timeout.toSeconds())))
              .header("X-Vault-Request", "true");
      settings
          .namespace()
          .filter(_ -> method != Method.HEALTH)
          .ifPresent(name -> rest.header("X-Vault-Namespace", name));
      token.ifPresent(secret ->
          rest.header("X-Vault-Token", secret.read(b -> new String(b, StandardCharsets.UTF_8))));
      RestResponse response =
          switch (method) {
            case GET, HEALTH -> rest.get();
            case DELETE -> rest.delete();
            case POST -> rest.body(JSON.writeValueAsBytes(body)).post();
          };
      return new Answer(response.getStatus(), parse(response.getBody()));
    } catch (RestException e) {
      throw noAnswer(e.getCause() == null ? e : e.getCause());
    } catch (IOException e) {
      throw new NoAnswer("Vault's answer is not JSON", true, e);
    }
  }

  private static JsonNode parse(byte[] body) throws IOException {
    return body.length == 0 ? MissingNode.getInstance() : JSON.readTree(body);
  }

  private NoAnswer noAnswer(Throwable cause) {
    if (cause instanceof InterruptedException) {
      Thread.currentThread().interrupt();
      return new NoAnswer("interrupted while waiting for Vault", true, cause);
    }
    // Nothing was sent before there was a connection; after that, nobody knows.
    boolean connected =
        !(cause instanceof ConnectException
            || cause instanceof HttpConnectTimeoutException
            || cause instanceof SSLHandshakeException
            || cause.getCause() instanceof ConnectException);
    return new NoAnswer(
        (connected ? "no answer from Vault at " : "cannot connect to Vault at ")
            + settings.address().getAuthority(),
        connected,
        cause);
  }
}
