package io.exeat.credential.vault;

import com.fasterxml.jackson.databind.JsonNode;
import io.exeat.base.Accessor;
import io.exeat.base.Epoch;
import io.exeat.base.SecretBytes;
import io.exeat.base.TaskId;
import io.exeat.task.AgentEntry;
import io.exeat.task.Grant;
import java.time.Duration;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;

/** Epochs' tokens: asking for one, judging it, ending it and looking it up by its accessor. */
final class Tokens {
  /** In a token's metadata, the tasks that its task is a part of, with commas. */
  static final String PART_OF = "part_of";

  /** Vault makes them of letters and digits at random. */
  private static final Accessor NOBODYS = new Accessor("exeat-asks-for-what-is-nobodys");

  private Tokens() {}

  static Set<String> policies(Collection<Grant> grants) {
    Set<String> policies = new TreeSet<>(List.of(Policies.TASK_SELF));
    grants.forEach(grant -> policies.add(Policies.of(grant.name())));
    return policies;
  }

  /** The policies are an array: a string with commas would be the name of one policy. */
  static Map<String, Object> request(
      Epoch epoch,
      List<TaskId> wholes,
      AgentEntry agent,
      Set<String> policies,
      String broker,
      Duration atMost) {
    Map<String, String> meta = new TreeMap<>();
    meta.put("task_id", epoch.task().value());
    meta.put("epoch", Long.toString(epoch.number()));
    meta.put("agent", agent.id().toString());
    meta.put("broker", broker);
    if (!wholes.isEmpty()) {
      meta.put(PART_OF, wholes.stream().map(TaskId::value).collect(Collectors.joining(",")));
    }
    return Map.of(
        "entity_alias",
        agent.id().toString(),
        "policies",
        policies,
        "meta",
        meta,
        "ttl",
        wholeSeconds(atMost) + "s",
        "display_name",
        epoch.label());
  }

  /**
   * Vault counts in seconds. Up, so that a deadline is the broker's to keep and nothing is lost to
   * Vault shortly before it.
   */
  static long wholeSeconds(Duration duration) {
    return Math.max(1, duration.plusNanos(999_999_999).toSeconds());
  }

  /**
   * Whether Vault made the token that was asked for: these policies and none of the entity's, a
   * child of ours, not renewable (a renewal forgets the bound on its life), for an agent, nothing
   * to warn of.
   */
  static boolean asAsked(Answer answer, Set<String> policies) {
    JsonNode auth = answer.auth();
    Set<String> given = new HashSet<>();
    auth.path("token_policies").forEach(policy -> given.add(policy.asText()));
    return answer.warnings().isEmpty()
        && given.equals(policies)
        && auth.path("identity_policies").isEmpty()
        && !auth.path("orphan").asBoolean()
        && !auth.path("renewable").asBoolean()
        && !auth.path("entity_id").asText().isEmpty();
  }

  /** What is wrong with a token that is not {@link #asAsked}: Vault warns of a missing policy. */
  static String instead(Answer answer, Set<String> policies) {
    List<String> missing =
        policies.stream()
            .filter(policy ->
                answer.warnings().stream().anyMatch(it -> it.contains('"' + policy + '"')))
            .toList();
    return missing.isEmpty()
        ? "Vault made another token than was asked for"
        : "Vault has no policy " + String.join(", ", missing);
  }

  /**
   * Ends a token; one that is {@link #look none} is ended already. Vault says "not found" of one
   * whose time is over as well, and may not have ended it yet: that is not taken for the end.
   */
  static void end(VaultClient client, SecretBytes by, Accessor accessor) throws NoAnswer {
    Answer answer =
        client.post("auth/token/revoke-accessor", by, Map.of("accessor", accessor.value()));
    if (answer.ok() || unknown(answer)) {
      return;
    }
    boolean notFound = answer.status() == 400 && answer.says("token not found");
    if (!notFound || !gone(client, by, accessor)) {
      throw Refusals.of("end a token", answer);
    }
  }

  /** Whether there is {@link #look none}. */
  static boolean gone(VaultClient client, SecretBytes by, Accessor accessor) throws NoAnswer {
    return look(client, by, accessor).isEmpty();
  }

  /**
   * A token's properties; empty when it is none with which anything can be asked for: Vault does
   * not know it, has taken it away and its accessor not yet, or keeps an accessor of one that it
   * never finished making, which happens where the connection ends meanwhile (the accessor is
   * written first, and only a tidy takes it away). To ask for one of the latter two is refused as
   * if by policy (403): what policy does not refuse is an accessor that is nobody's.
   */
  static Optional<JsonNode> look(VaultClient client, SecretBytes by, Accessor accessor)
      throws NoAnswer {
    Answer answer = lookUp(client, by, accessor);
    if (answer.ok()) {
      return Optional.of(answer.data());
    }
    if (answer.status() == 403
        && !unknown(answer)
        && unknown(lookUp(client, by, NOBODYS))
        && lookUp(client, by, accessor).status() == 403) { // not only while policy was another
      return Optional.empty();
    }
    if (unknown(answer)) {
      return Optional.empty();
    }
    throw Refusals.of("look a token up", answer);
  }

  private static Answer lookUp(VaultClient client, SecretBytes by, Accessor accessor)
      throws NoAnswer {
    return client.post("auth/token/lookup-accessor", by, Map.of("accessor", accessor.value()));
  }

  /** Whether the tokens of an agent's entity are refused from now on. */
  static boolean disable(VaultClient client, SecretBytes by, String agent, boolean disabled)
      throws NoAnswer {
    Answer answer = client.post(Policies.entity(agent), by, Map.of("disabled", disabled));
    if (!answer.ok()) {
      throw Refusals.of((disabled ? "disable" : "enable") + " an agent", answer);
    }
    return disabled;
  }

  /** 400 in OpenBao, 403 in Vault; the latter has other meanings too. */
  private static boolean unknown(Answer answer) {
    return (answer.status() == 400 || answer.status() == 403) && answer.says("invalid accessor");
  }
}
