package io.exeat.revoke.kubernetes;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import io.exeat.base.Health;
import io.exeat.base.Time;
import io.exeat.credential.OwnLogins;
import io.exeat.revoke.TargetVerifier;
import io.exeat.revoke.kubernetes.ApiServer.Said;
import io.exeat.task.Grant;
import io.exeat.task.Target;
import java.io.IOException;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Looks at one cluster by an account that Vault lends to the broker. Shut means that no RoleBinding
 * names the account any more; dead, that neither account nor binding is there, whoever made or left
 * them, and that the API server itself says (SubjectAccessReview) that the account may not do by
 * them what its grant let it.
 *
 * <p>What it cannot see: that an API server takes the token of a deleted account for 10 s more, as
 * of nobody who may do anything ({@code TokenSuccessCacheTTL}; seen with 1.36: 403 at once, 401
 * after 9.99 s); and what the account made in the cluster, which stays.
 */
public final class KubernetesVerifier implements TargetVerifier {
  private static final Duration RETRY = Duration.ofSeconds(1);
  private static final String ACCOUNTS = "/api/v1";
  private static final String BINDINGS = "/apis/rbac.authorization.k8s.io/v1";

  /** How many calls at once. */
  private static final int AT_ONCE = 8;

  private static final int MOST_PAGES = 1000;

  private final Target.Kubernetes target;
  private final Supplier<Map<String, Grant>> grants;
  private final Duration timeout;
  private final Time time;
  private final Cluster cluster;
  private final Semaphore entries = new Semaphore(AT_ONCE, true);
  private volatile Health health;

  /**
   * Connects at the first call.
   *
   * @param grants by name: what the accounts here were lent for
   * @param timeout of one request
   */
  public KubernetesVerifier(
      Target.Kubernetes target,
      OwnLogins logins,
      Supplier<Map<String, Grant>> grants,
      Duration timeout,
      Time time) {
    this.target = target;
    this.grants = grants;
    this.timeout = timeout;
    this.time = time;
    this.cluster = new Cluster(target, logins, timeout, time);
    this.health = Health.available(time.now());
  }

  /** Without its binding an account may do nothing; with Vault away too. */
  @Override
  public void shut(Mark mark) {
    asking(() -> {
      for (Item binding : list(BINDINGS, "rolebindings", mark)) {
        delete(BINDINGS, "rolebindings", binding);
      }
      return true;
    });
  }

  @Override
  public Sighting look(Mark mark) {
    return asking(() -> {
      List<String> alive = new ArrayList<>();
      List<String> checks = new ArrayList<>();
      remaining(BINDINGS, "rolebindings", mark, alive, checks);
      remaining(ACCOUNTS, "serviceaccounts", mark, alive, checks);
      for (Known known : mark.known()) {
        mayNothing(known, alive, checks);
      }
      return new Sighting(alive, checks);
    });
  }

  /** Vault leaves an account behind, for minutes, when it could make no token for it. */
  private void remaining(
      String api, String kind, Mark mark, List<String> alive, List<String> checks)
      throws IOException, InterruptedException {
    List<Item> found = list(api, kind, mark);
    for (Item each : found) {
      delete(api, kind, each);
    }
    List<Item> left = found.isEmpty() ? found : list(api, kind, mark);
    left.forEach(each -> alive.add(kind + " " + each + " is there"));
    checks.add(
        "%s at %s: %d named %s, %d ended"
            .formatted(
                kind,
                target.name(),
                left.size(),
                mark.principal().map(KubernetesVerifier::name).orElse(prefix(mark) + "*"),
                found.size() - left.size()));
  }

  private record Item(String namespace, String name) {
    @Override
    public String toString() {
      return namespace + "/" + name;
    }
  }

  /** Of all that was lent at this target, what {@code mark} names. */
  private List<Item> list(String api, String kind, Mark mark)
      throws IOException, InterruptedException {
    List<Item> found = new ArrayList<>();
    String more = "";
    for (int page = 0; page < MOST_PAGES; page++) {
      Said said =
          must(
              "list " + kind,
              cluster.ask(
                  "GET",
                  "%s/%s?limit=500&labelSelector=%s%s"
                      .formatted(api, kind, encoded("exeat.io/target=" + target.name()), more),
                  Optional.empty()));
      for (JsonNode each : said.body().path("items")) {
        Item item =
            new Item(
                each.path("metadata").path("namespace").asText(),
                each.path("metadata").path("name").asText());
        if (names(mark, item)) {
          found.add(item);
        }
      }
      String next = said.body().path("metadata").path("continue").asText("");
      if (next.isEmpty()) {
        return found;
      }
      more = "&continue=" + encoded(next);
    }
    throw new IOException("its list of " + kind + " does not end");
  }

  private static boolean names(Mark mark, Item item) {
    return mark.principal().isPresent()
        ? mark.principal().get().equals(user(item))
        : item.name.startsWith(prefix(mark));
  }

  private static String prefix(Mark mark) {
    return "x-" + mark.epoch().label() + "-";
  }

  private static String user(Item item) {
    return "system:serviceaccount:" + item.namespace + ":" + item.name;
  }

  private static String name(String user) {
    return user.substring(user.lastIndexOf(':') + 1);
  }

  /** What is gone already is no fault. */
  private void delete(String api, String kind, Item item) throws IOException, InterruptedException {
    Said said =
        cluster.ask(
            "DELETE",
            api + "/namespaces/" + item.namespace + "/" + kind + "/" + item.name,
            Optional.empty());
    if (said.status() != 404) {
      var _ = must("end " + kind + " " + item, said);
    }
  }

  /** By another binding it may still do what everybody may: that is not its grant's. */
  private void mayNothing(Known known, List<String> alive, List<String> checks)
      throws IOException, InterruptedException {
    Optional<ObjectNode> review =
        Optional.ofNullable(grants.get().get(known.grant()))
            .flatMap(grant -> AccessReview.of(known.principal(), grant));
    if (review.isEmpty()) {
      return;
    }
    JsonNode status =
        must(
                "ask what " + known.principal() + " may do",
                cluster.ask("POST", AccessReview.PATH, review.map(JsonNode.class::cast)))
            .body()
            .path("status");
    if (status.path("allowed").asBoolean()
        && status.path("reason").asText().contains("\"" + name(known.principal()) + "/")) {
      alive.add(known.principal() + " may still do what it was lent for");
    } else {
      checks.add(
          "subjectaccessreviews at " + target.name() + ": " + known.principal() + " may not");
    }
  }

  @Override
  public Duration clockAhead() {
    return asking(() ->
        ClusterClock.ahead(
            must("tell its version", cluster.ask("GET", "/version", Optional.empty())), time));
  }

  @Override
  public int atOnce() {
    return AT_ONCE;
  }

  @Override
  public Health health() {
    return health;
  }

  @Override
  public void close() {
    cluster.close();
  }

  private interface Question<T> {
    T ask() throws IOException, InterruptedException;
  }

  private <T> T asking(Question<T> question) {
    enter();
    try {
      T answer = question.ask();
      note(Optional.empty());
      return answer;
    } catch (IOException e) {
      throw unavailable("the cluster " + target.name() + " does not answer the verifier", e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw unavailable("a look at " + target.name() + " was interrupted", e);
    } catch (FaultException e) {
      note(Optional.of(String.valueOf(e.getMessage())));
      throw e;
    } finally {
      entries.release();
    }
  }

  private void enter() {
    try {
      if (entries.tryAcquire(timeout.toMillis(), TimeUnit.MILLISECONDS)) {
        return;
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    throw unavailable("the verifier of " + target.name() + " is busy", null);
  }

  private Said must(String what, Said said) {
    if (!said.done()) {
      throw unavailable(
          "the verifier may not %s at %s: %s".formatted(what, target.name(), said.message()), null);
    }
    return said;
  }

  private FaultException unavailable(String problem, @Nullable Throwable cause) {
    note(Optional.of(problem));
    Fault fault = new Fault.Unavailable(Fault.Dependency.TARGET, problem, RETRY);
    return cause == null ? new FaultException(fault) : new FaultException(fault, cause);
  }

  private void note(Optional<String> problem) {
    if (health.available() != problem.isEmpty()) {
      health = new Health(problem, time.now());
    }
  }

  private static String encoded(String text) {
    return URLEncoder.encode(text, StandardCharsets.UTF_8);
  }
}
