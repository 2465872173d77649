package io.exeat.policy.opa;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.exeat.base.BoundedHttpClient;
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
import java.net.http.HttpTimeoutException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Asks an OPA server for {@code {"decision": "permit" | "ask" | "deny", "because": [...],
 * "approvers": [...], "reason": "..."}}, with the question as {@code input} (OPA's Data API, v1).
 * Anything else is no answer: no result, another status, a late one.
 *
 * <p>The hash in decisions is that of the server's policies, and of the revisions of its bundles
 * that this very answer was made under. The server loads and tests them by its own means.
 */
public final class OpaEngine implements PolicyEngine, AutoCloseable {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String PROVENANCE = "?provenance=true";
  private static final Duration LOOK_WITHIN = Duration.ofSeconds(2);
  private static final int MOST_BYTES = 64 * 1024;

  /** How often in a row it may take another bundle while it is looked at. */
  private static final int LOOKS = 3;

  private final PolicyConfig.Opa config;
  private final Time time;
  private final HttpClient http;
  private final URI decide;
  private final URI policies;
  private final URI bundles;
  private final ReentrantLock looking = new ReentrantLock();
  private volatile Served served = Served.NOTHING;
  private volatile Health health;

  public OpaEngine(PolicyConfig.Opa config, Time time) {
    this.config = config;
    this.time = time;
    this.http =
        new BoundedHttpClient(
            HttpClient.newBuilder()
                .version(HttpClient.Version.HTTP_1_1)
                .connectTimeout(LOOK_WITHIN)
                .followRedirects(HttpClient.Redirect.NEVER)
                .build());
    this.decide = config.address().resolve("/v1/data/" + config.decision() + PROVENANCE);
    this.policies = config.address().resolve("/v1/policies");
    this.bundles = config.address().resolve("/v1/data/system/bundles" + PROVENANCE);
    this.health =
        Health.unavailable("OPA at " + config.address() + " was not asked yet", time.now());
  }

  /** Looks which policies the server has; to be called about once a second. */
  public void look() {
    looking.lock();
    try {
      served = ask(time.after(LOOK_WITHIN));
      if (!health.available()) {
        health = Health.available(time.now());
      }
    } catch (IOException e) {
      unavailable(e.toString());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } finally {
      looking.unlock();
    }
  }

  /** Its policies, and the revisions that they were there under. */
  private Served ask(long due) throws IOException, InterruptedException {
    SortedMap<String, String> before = Served.revisions(get(bundles, due));
    for (int i = 0; i < LOOKS; i++) {
      SortedMap<String, String> raw = new TreeMap<>();
      get(policies, due)
          .path("result")
          .forEach(each -> raw.put(each.path("id").asText(), each.path("raw").asText()));
      SortedMap<String, String> after = Served.revisions(get(bundles, due));
      if (raw.isEmpty()) {
        throw new IOException("it has no policies");
      }
      if (after.equals(before)) {
        return Served.of(raw, after);
      }
      before = after;
    }
    throw new IOException(
        "it takes one bundle after another, so nobody can say which are in force");
  }

  private JsonNode get(URI uri, long due) throws IOException, InterruptedException {
    HttpResponse<String> answer =
        http.send(
            HttpRequest.newBuilder(uri).timeout(left(due)).GET().build(), BodyHandlers.ofString());
    if (answer.statusCode() != 200) {
      throw new IOException("GET " + uri.getPath() + " answers " + answer.statusCode());
    }
    return JSON.readTree(answer.body());
  }

  private Duration left(long due) throws HttpTimeoutException {
    Duration left = time.until(due);
    if (!left.isPositive()) {
      throw new HttpTimeoutException("no answer in time");
    }
    return left;
  }

  /**
   * What it decides by under these revisions: as last seen, or as seen now when it has taken
   * another bundle since.
   */
  private Optional<Served> under(SortedMap<String, String> revisions, long due)
      throws IOException, InterruptedException {
    if (!served.revisions().equals(revisions)
        && looking.tryLock(left(due).toNanos(), TimeUnit.NANOSECONDS)) {
      try {
        if (!served.revisions().equals(revisions)) {
          served = ask(due);
        }
      } finally {
        looking.unlock();
      }
    }
    return Optional.of(served).filter(it -> it.revisions().equals(revisions));
  }

  private void unavailable(String why) {
    Health before = health;
    health =
        Health.unavailable(
            "OPA at " + config.address() + " gives no decisions, so everything is denied: " + why,
            before.available() ? time.now() : before.since());
  }

  /** What the server decided by when it was last looked at. */
  public Served served() {
    return served;
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
    if (served.sha256().isEmpty()) {
      return new Decision.Failed(health.problem().orElse("OPA was not asked yet"), "");
    }
    long due = time.after(config.within());
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
      JsonNode said = JSON.readTree(answer.body());
      Optional<Served> by = under(Served.revisions(said), due);
      return by.isPresent()
          ? read(said.path("result"), by.get().sha256())
          : failed("it has taken another bundle meanwhile; ask again");
    } catch (IOException e) {
      return failed(e.toString());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return failed("interrupted");
    }
  }

  private Decision read(JsonNode result, String sha256) {
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
    return new Decision.Failed("OPA at " + config.address() + ": " + why, served.sha256());
  }

  @Override
  public void close() {
    http.shutdownNow();
  }
}
