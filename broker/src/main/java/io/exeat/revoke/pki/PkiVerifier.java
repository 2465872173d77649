package io.exeat.revoke.pki;

import io.exeat.base.BoundedHttpClient;
import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import io.exeat.base.Health;
import io.exeat.base.Time;
import io.exeat.credential.RevocationLists;
import io.exeat.revoke.TargetVerifier;
import io.exeat.task.Target;
import java.io.IOException;
import java.math.BigInteger;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;

/**
 * Looks whether certificates are on their issuer's revocation list: on Vault's, and on each place
 * where it is published. A certificate is dead when it is on all of them, signed by the issuer and
 * not stale, or when it has expired.
 *
 * <p>What it cannot see: who believes a certificate without looking at a list, or goes by an older
 * one that still holds; and a certificate of which Vault's answer never came, whose serial number
 * nobody knows. Its key is nobody's either: the broker made it and forgot it.
 */
public final class PkiVerifier implements TargetVerifier {
  private static final Duration RETRY = Duration.ofSeconds(1);

  /** Two clocks differ by 2 s at most, or nothing is lent. */
  private static final Duration AFTER_ITS_END = Duration.ofSeconds(3);

  private static final long MOST_BYTES = 64L << 20;

  private final Target.Pki target;
  private final RevocationLists vault;
  private final Supplier<Duration> clock;
  private final Duration timeout;
  private final Time time;
  private final HttpClient http;
  private volatile Health health;

  /**
   * @param clock how far Vault's is ahead of ours: it dates what it signs
   * @param timeout of one fetch
   */
  public PkiVerifier(
      Target.Pki target,
      RevocationLists vault,
      Supplier<Duration> clock,
      Duration timeout,
      Time time) {
    this.target = target;
    this.vault = vault;
    this.clock = clock;
    this.timeout = timeout;
    this.time = time;
    this.http =
        new BoundedHttpClient(
            HttpClient.newBuilder()
                .connectTimeout(timeout)
                .followRedirects(HttpClient.Redirect.NEVER)
                .build());
    this.health = Health.available(time.now());
  }

  /** A certificate has no door: it works until a list has it. */
  @Override
  public void shut(Mark mark) {}

  @Override
  public Sighting look(Mark mark) {
    List<String> alive = new ArrayList<>();
    List<String> checks = new ArrayList<>();
    List<Known> unexpired = new ArrayList<>();
    for (Known known : mark.known()) {
      if (hasEnded(known)) {
        checks.add("certificate " + known.principal() + " expired at " + known.expiresAt());
      } else {
        unexpired.add(known);
      }
    }
    if (mark.known().isEmpty()) {
      checks.add("no certificate of it was handed out");
    }
    if (!unexpired.isEmpty()) {
      lists().forEach((where, list) -> look(unexpired, where, list, alive, checks));
    }
    return new Sighting(alive, checks);
  }

  /**
   * Fetches every list and sees that it can be gone by.
   *
   * @throws FaultException Unavailable TARGET or VAULT
   */
  public void requireLists() {
    Map<String, RevocationList> _ = lists();
  }

  private static void look(
      List<Known> certificates,
      String where,
      RevocationList list,
      List<String> alive,
      List<String> checks) {
    for (Known known : certificates) {
      if (list.has(new BigInteger(known.principal().replace(":", ""), 16))) {
        checks.add(
            "certificate %s is on the revocation list of %s of %s"
                .formatted(known.principal(), where, list.madeAt()));
      } else {
        alive.add(
            "certificate %s is not on the revocation list of %s of %s"
                .formatted(known.principal(), where, list.madeAt()));
      }
    }
  }

  @Override
  public Duration clockAhead() {
    return clock.get();
  }

  @Override
  public Health health() {
    return health;
  }

  @Override
  public void close() {
    http.shutdownNow();
  }

  private boolean hasEnded(Known known) {
    Instant surely = known.expiresAt().plus(AFTER_ITS_END);
    return !time.now().isBefore(surely);
  }

  /** Each list by where it is. */
  private Map<String, RevocationList> lists() {
    Map<String, RevocationList> lists = new LinkedHashMap<>();
    RevocationLists.Published published = vault.published(target);
    lists.put(
        "Vault", list("Vault", published.list().getBytes(StandardCharsets.US_ASCII), published));
    for (URI place : target.lists()) {
      lists.put(place.toString(), list(place.toString(), fetch(place), published));
    }
    note(Optional.empty());
    return lists;
  }

  private RevocationList list(String where, byte[] text, RevocationLists.Published published) {
    try {
      return RevocationList.read(text, published.issuer(), time.now());
    } catch (IOException e) {
      throw unavailable("the revocation list of " + where + " " + e.getMessage(), e);
    }
  }

  private byte[] fetch(URI place) {
    try {
      HttpResponse<byte[]> answer =
          http.send(
              HttpRequest.newBuilder(place).timeout(timeout).build(),
              HttpResponse.BodyHandlers.limiting(
                  HttpResponse.BodyHandlers.ofByteArray(), MOST_BYTES));
      if (answer.statusCode() != 200) {
        throw new IOException("it answered " + answer.statusCode());
      }
      return answer.body();
    } catch (IOException e) {
      throw unavailable("the revocation list of " + place + " cannot be fetched", e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw unavailable("the fetch of " + place + " was interrupted", e);
    }
  }

  private FaultException unavailable(String problem, Exception cause) {
    note(Optional.of(problem));
    return new FaultException(
        new Fault.Unavailable(Fault.Dependency.TARGET, problem, RETRY), cause);
  }

  private void note(Optional<String> problem) {
    if (health.available() != problem.isEmpty()) {
      health = new Health(problem, time.now());
    }
  }
}
