package io.exeat.credential.vault;

import com.fasterxml.jackson.databind.JsonNode;
import io.exeat.base.Accessor;
import io.exeat.base.FaultException;
import io.exeat.base.SecretBytes;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Predicate;
import java.util.function.Supplier;
import java.util.regex.Pattern;
import javax.net.ssl.SSLContext;

/**
 * Ends epochs' tokens in Vault with an operator's own login, when there is no broker to ask. It
 * finds them by the metadata that a broker gave them, and touches nothing else.
 */
public final class DirectEnd implements AutoCloseable {
  private static final Pattern TASK = Pattern.compile("t[0-9a-z]{20}");
  private static final Pattern MADE_AT = Pattern.compile("auth/token/create/[a-z0-9-]{1,63}");
  private static final String OF_A_GRANT = "cred-";
  private static final Duration PAUSE = Duration.ofMillis(200);

  private final VaultClient client;
  private final SecretBytes operator;

  /**
   * @param operator a token that may list and look up accessors, revoke by accessor, and list, look
   *     up and revoke leases; the caller's to close
   */
  public DirectEnd(VaultSettings vault, Supplier<SSLContext> tls, SecretBytes operator) {
    this.client = new VaultClient(vault, tls);
    this.operator = operator;
  }

  /**
   * One epoch's token.
   *
   * @param agent the agent's SPIFFE ID; empty for one of a broker before 0.1
   * @param wholes the tasks that its task is a part of
   * @param grants what it was good for
   */
  public record Found(
      String accessor,
      String task,
      Set<String> wholes,
      String epoch,
      String agent,
      String broker,
      Set<String> grants) {
    public Found {
      wholes = Set.copyOf(wholes);
      grants = Set.copyOf(grants);
    }

    /** Whether it is of this task, or of a part of it. */
    public boolean isOf(String whole) {
      return task.equals(whole) || wholes.contains(whole);
    }

    /** Without its accessor. */
    @Override
    public String toString() {
      return "task " + task + " epoch " + epoch + " agent " + agent + " of " + broker;
    }
  }

  /**
   * The tokens of epochs that {@code wanted} takes.
   *
   * @throws FaultException Unavailable VAULT
   */
  public List<Found> find(Predicate<Found> wanted) {
    try {
      List<Found> found = new ArrayList<>();
      for (JsonNode accessor :
          must("list accessors", client.list("auth/token/accessors", operator))
              .data()
              .path("keys")) {
        // One that ended meanwhile is no loss.
        Tokens.look(client, operator, new Accessor(accessor.asText()))
            .flatMap(token -> epoch(accessor.asText(), token))
            .filter(wanted)
            .ifPresent(found::add);
      }
      return found;
    } catch (NoAnswer e) {
      throw Refusals.of(e);
    }
  }

  /**
   * Ends the token, waits until Vault has ended what was lent under it, and looks.
   *
   * @return what is not ended, for people; empty when all is
   */
  public List<String> end(Found found, Duration within) {
    List<String> left = new ArrayList<>();
    long until = System.nanoTime() + within.toNanos(); // this call's patience
    do {
      left.clear();
      try {
        Tokens.end(client, operator, new Accessor(found.accessor()));
        for (String grant : found.grants()) {
          left.addAll(endLeases(Policies.credentials(grant)));
        }
        if (!Tokens.gone(client, operator, new Accessor(found.accessor()))) {
          left.add("Vault still knows the token");
        }
      } catch (NoAnswer | FaultException e) {
        left.add(String.valueOf(e.getMessage()));
      }
      if (!left.isEmpty()) {
        LockSupport.parkNanos(PAUSE.toNanos());
      }
    } while (!left.isEmpty() && System.nanoTime() < until);
    return left;
  }

  /**
   * Ends the leases that Vault has given up already: those whose token is gone have no time left.
   */
  private List<String> endLeases(String path) throws NoAnswer {
    List<String> left = new ArrayList<>();
    Answer leases = client.list("sys/leases/lookup/" + path + "/", operator);
    if (leases.status() == 404) {
      return left;
    }
    for (JsonNode name : must("list leases", leases).data().path("keys")) {
      String lease = path + "/" + name.asText();
      Answer found = client.post("sys/leases/lookup", operator, Map.of("lease_id", lease));
      if (found.ok() && found.data().path("ttl").asLong() <= 0) {
        Answer ended =
            client.post("sys/leases/revoke", operator, Map.of("lease_id", lease, "sync", true));
        if (!ended.ok() && !ended.unknownLease()) {
          left.add("a lease of " + path + " is not ended: " + ended.errors());
        }
      }
    }
    return left;
  }

  private static Optional<Found> epoch(String accessor, JsonNode token) {
    JsonNode meta = token.path("meta");
    String task = meta.path("task_id").asText();
    boolean ours =
        MADE_AT.matcher(token.path("path").asText()).matches()
            && TASK.matcher(task).matches()
            && !meta.path("broker").asText().isEmpty();
    if (!ours) {
      return Optional.empty();
    }
    Set<String> grants = new LinkedHashSet<>();
    token
        .path("policies")
        .forEach(policy -> {
          if (policy.asText().startsWith(OF_A_GRANT)) {
            grants.add(policy.asText().substring(OF_A_GRANT.length()));
          }
        });
    return Optional.of(
        new Found(
            accessor,
            task,
            Set.of(meta.path(Tokens.PART_OF).asText().split(",", -1)),
            meta.path("epoch").asText(),
            meta.path("agent").asText(),
            meta.path("broker").asText(),
            grants));
  }

  private static Answer must(String what, Answer answer) {
    if (!answer.ok()) {
      throw Refusals.of(what, answer);
    }
    return answer;
  }

  @Override
  public void close() {
    client.close();
  }
}
