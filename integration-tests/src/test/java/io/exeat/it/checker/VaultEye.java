package io.exeat.it.checker;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Looks at Vault with a token that may look only. */
final class VaultEye {
  private static final JsonMapper JSON = JsonMapper.builder().build();
  private static final Duration PATIENCE = Duration.ofSeconds(3);

  private final Estate estate;
  private final HttpClient http;
  private volatile String trouble = "";

  /**
   * An accessor is not looked up before it was listed for so long: Vault ends a token that is
   * looked up between its making and the making of its lease.
   */
  private static final Duration NEWBORN = Duration.ofSeconds(2);

  /** When each accessor was first listed. */
  private final Map<String, Instant> listed = new HashMap<>();

  /** What each accessor is for; it never changes. */
  private final Map<String, Token> known = new HashMap<>();

  /**
   * A token that is there.
   *
   * @param epoch {@code <task>-e<number>} for which it was made, or empty for another kind of token
   * @param session whether it is a session of the broker's own
   */
  record Token(
      String epoch, boolean session, Instant made, Set<String> policies, Optional<Instant> until) {}

  /**
   * One look.
   *
   * @param begun the look saw nothing of before
   * @param tokens by accessor
   * @param leases ids of what was lent to agents
   * @param givenUp leases that Vault does not try to end any more
   */
  record Sight(Instant begun, Map<String, Token> tokens, Set<String> leases, int givenUp) {}

  VaultEye(Estate estate) {
    this.estate = estate;
    this.http = HttpClient.newBuilder().sslContext(estate.trust()).connectTimeout(PATIENCE).build();
  }

  /** What is there; empty while Vault does not answer, or refuses. */
  synchronized Optional<Sight> look() {
    try {
      Instant begun = Instant.now();
      Map<String, Token> tokens = new HashMap<>();
      JsonNode accessors = ask("LIST", "auth/token/accessors", "");
      for (JsonNode accessor : accessors.path("keys")) {
        Token token = token(accessor.asText());
        if (token != null && !token.made().isBefore(estate.since())) {
          tokens.put(accessor.asText(), token);
        }
      }
      Set<String> leases = new HashSet<>();
      for (String grant : estate.grants()) {
        String path = estate.path(grant) + "/";
        ask("LIST", "sys/leases/lookup/" + path, "")
            .path("keys")
            .forEach(key -> leases.add(path + key.asText()));
      }
      int givenUp =
          ask("GET", "sys/leases/count?type=irrevocable", "").path("lease_count").asInt(0);
      trouble = "";
      return Optional.of(new Sight(begun, tokens, leases, givenUp));
    } catch (IOException e) {
      trouble = "Vault: " + e;
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

  private @Nullable Token token(String accessor) throws IOException, InterruptedException {
    Token before = known.get(accessor);
    if (before != null) {
      return before;
    }
    Instant now = Instant.now();
    if (now.isBefore(listed.computeIfAbsent(accessor, it -> now).plus(NEWBORN))) {
      return null;
    }
    JsonNode data = lookUp(accessor);
    if (data.isMissingNode()) {
      return null; // ended since it was listed
    }
    Set<String> policies = new HashSet<>();
    data.path("policies").forEach(policy -> policies.add(policy.asText()));
    JsonNode meta = data.path("meta");
    Token token =
        new Token(
            meta.has("task_id")
                ? meta.path("task_id").asText() + "-e" + meta.path("epoch").asText()
                : "",
            meta.path("role").asText().equals(estate.vaultRole()),
            Instant.ofEpochSecond(data.path("creation_time").asLong()),
            policies,
            Optional.of(data.path("expire_time").asText(""))
                .filter(time -> time.length() > 10 && !time.equals("null"))
                .map(Instant::parse));
    known.put(accessor, token);
    return token;
  }

  /** The answer's data; missing when Vault knows nothing of the kind. */
  private JsonNode ask(String method, String path, String body)
      throws IOException, InterruptedException {
    HttpResponse<byte[]> response =
        http.send(
            HttpRequest.newBuilder(estate.vault().resolve("/v1/" + path))
                .timeout(PATIENCE)
                .header("X-Vault-Token", estate.vaultToken())
                .method(method, HttpRequest.BodyPublishers.ofString(body))
                .build(),
            HttpResponse.BodyHandlers.ofByteArray());
    return switch (response.statusCode()) {
      case 200 -> JSON.readTree(response.body()).path("data");
      case 204, 400, 404 -> JSON.missingNode();
      case 403 -> refused(path, response.body());
      default -> throw new IOException("Vault said " + response.statusCode() + " to " + path);
    };
  }

  private static JsonNode refused(String path, byte[] body) throws IOException {
    String text = new String(body, StandardCharsets.UTF_8);
    if (text.contains("invalid accessor")) {
      return JSON.missingNode();
    }
    throw new Refused("Vault refused " + path + ": " + text.strip());
  }

  /**
   * Of a token that it is ending, or never finished making, Vault says 403, as it would if the
   * checker's own token were none: then it says so of an accessor that is nobody's as well.
   */
  private JsonNode lookUp(String accessor) throws IOException, InterruptedException {
    try {
      return lookUpAlone(accessor);
    } catch (Refused e) {
      lookUpAlone("nobody-has-this-accessor");
      return JSON.missingNode();
    }
  }

  private JsonNode lookUpAlone(String accessor) throws IOException, InterruptedException {
    return ask("POST", "auth/token/lookup-accessor", "{\"accessor\":\"" + accessor + "\"}");
  }

  private static final class Refused extends IOException {
    private static final long serialVersionUID = 1L;

    Refused(String message) {
      super(message);
    }
  }
}
