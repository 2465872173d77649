package io.exeat.policy.opa;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.exeat.base.Health;
import io.exeat.base.Time;
import io.exeat.policy.CanonicalJson;
import io.exeat.policy.Decision;
import io.exeat.policy.PolicyConfig;
import io.exeat.policy.PolicyEngine;
import io.exeat.policy.Question;
import io.exeat.policy.QuestionJson;
import io.exeat.policy.Reason;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;

/**
 * Asks an OPA server for {@code {"decision": "permit" | "ask" | "deny", "because": [...],
 * "approvers": [...], "reason": "..."}}, with the question as {@code input} (OPA's Data API, v1).
 * Anything else is no answer: no result, another status, a late one.
 *
 * <p>The hash in decisions is that of the server's policies as {@link #look} last saw them; it
 * loads and tests them by its own means.
 */
public final class OpaEngine implements PolicyEngine, AutoCloseable {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Duration LOOK_WITHIN = Duration.ofSeconds(2);
  private static final int MOST_BYTES = 64 * 1024;

  private final PolicyConfig.Opa config;
  private final Time time;
  private final HttpClient http;
  private final URI decide;
  private final URI policies;
  private volatile String sha256 = "";
  private volatile Health health;

  public OpaEngine(PolicyConfig.Opa config, Time time) {
    this.config = config;
    this.time = time;
    this.http =
        HttpClient.newBuilder()
            .version(HttpClient.Version.HTTP_1_1)
            .connectTimeout(LOOK_WITHIN)
            .followRedirects(HttpClient.Redirect.NEVER)
            .build();
    this.decide = config.address().resolve("/v1/data/" + config.decision());
    this.policies = config.address().resolve("/v1/policies");
    this.health =
        Health.unavailable("OPA at " + config.address() + " was not asked yet", time.now());
  }

  /** Looks which policies the server has; to be called about once a second. */
  public void look() {
    try {
      HttpResponse<String> answer =
          http.send(
              HttpRequest.newBuilder(policies).timeout(LOOK_WITHIN).GET().build(),
              BodyHandlers.ofString());
      if (answer.statusCode() != 200) {
        throw new IOException("GET /v1/policies answers " + answer.statusCode());
      }
      TreeMap<String, String> raw = new TreeMap<>();
      JSON.readTree(answer.body())
          .path("result")
          .forEach(each -> raw.put(each.path("id").asText(), each.path("raw").asText()));
      if (raw.isEmpty()) {
        throw new IOException("it has no policies");
      }
      sha256 = CanonicalJson.sha256(JSON.valueToTree(raw));
      if (!health.available()) {
        health = Health.available(time.now());
      }
    } catch (IOException e) {
      unavailable(e.toString());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void unavailable(String why) {
    Health before = health;
    health =
        Health.unavailable(
            "OPA at " + config.address() + " gives no decisions, so everything is denied: " + why,
            before.available() ? time.now() : before.since());
  }

  /** The hash of the server's policies as last seen; empty before that. */
  public String sha256() {
    return sha256;
  }

  @Override
  public boolean isHere() {
    return false;
  }

  @Override
  public Health health() {
    return health;
  }

  @Override
  public Decision decide(Question question) {
    if (sha256.isEmpty()) {
      return new Decision.Failed(health.problem().orElse("OPA was not asked yet"), "");
    }
    ObjectNode body = JSON.createObjectNode();
    body.set("input", QuestionJson.write(question));
    HttpRequest request =
        HttpRequest.newBuilder(decide)
            .timeout(config.within())
            .header("Content-Type", "application/json")
            .POST(BodyPublishers.ofByteArray(CanonicalJson.bytes(body)))
            .build();
    try {
      HttpResponse<byte[]> answer =
          http.send(request, BodyHandlers.limiting(BodyHandlers.ofByteArray(), MOST_BYTES));
      if (answer.statusCode() != 200) {
        return failed("it answers " + answer.statusCode());
      }
      return read(JSON.readTree(answer.body()).path("result"));
    } catch (IOException e) {
      return failed(e.toString());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return failed("interrupted");
    }
  }

  private Decision read(JsonNode result) {
    List<Reason> because = new ArrayList<>();
    for (JsonNode each : result.path("because")) {
      because.add(new Reason(each.asText(), List.of()));
    }
    return switch (result.path("decision").asText()) {
      case "permit" -> new Decision.Permit(because, sha256);
      case "deny" ->
          new Decision.Deny(result.path("reason").asText("OPA says no"), because, sha256);
      case "ask" -> {
        List<String> approvers =
            result.path("approvers").valueStream().map(JsonNode::asText).sorted().toList();
        yield approvers.isEmpty()
            ? failed("it asks and names no approvers")
            : new Decision.Ask(approvers, because, sha256);
      }
      default ->
          failed(
              "data."
                  + config.decision().replace('/', '.')
                  + ".decision is none of permit, ask, deny: is the policy loaded?");
    };
  }

  private Decision failed(String why) {
    return new Decision.Failed("OPA at " + config.address() + ": " + why, sha256);
  }

  @Override
  public void close() {
    http.shutdownNow();
  }
}
