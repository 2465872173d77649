package io.exeat.credential.vault;

import com.fasterxml.jackson.databind.JsonNode;
import io.exeat.base.FaultException;
import io.exeat.base.SecretBytes;
import io.exeat.credential.EpochToken;
import io.exeat.task.Catalogue;
import io.exeat.task.Grant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * Asks Vault what our tokens may do ({@code sys/capabilities-self}), and compares it with what they
 * need: nothing is tried, nothing is lent.
 */
public final class VaultRights {
  private final VaultClient client;
  private final VaultSession sessions;

  VaultRights(VaultClient client, VaultSession sessions) {
    this.client = client;
    this.sessions = sessions;
  }

  /**
   * Of the broker's own token: each right that it lacks for {@code catalogue}, and each credential
   * of a task that it could read by itself. Empty when all is as it must be.
   *
   * @throws FaultException Unavailable VAULT when Vault does not tell
   */
  public List<String> ofBroker(Catalogue catalogue) {
    Map<String, String> needed = Policies.brokerRights(catalogue);
    Set<String> forbidden = new TreeSet<>();
    catalogue.grants().values().stream()
        .filter(Grant::lends)
        .forEach(grant -> forbidden.add(Policies.issuing(grant)));
    return differences(sessions.current().token(), needed, forbidden);
  }

  /**
   * Of an epoch's token: each right that it lacks for {@code grants}.
   *
   * @throws FaultException Unavailable VAULT when Vault does not tell
   */
  public List<String> ofEpoch(EpochToken token, Collection<Grant> grants) {
    return differences(token.token(), Policies.epochRights(grants), Set.of());
  }

  private List<String> differences(
      SecretBytes token, Map<String, String> needed, Set<String> forbidden) {
    Set<String> paths = new TreeSet<>(needed.keySet());
    paths.addAll(forbidden);
    Answer answer;
    try {
      answer = client.post(Policies.OWN_RIGHTS, token, Map.of("paths", paths));
    } catch (NoAnswer e) {
      throw Refusals.of(e);
    }
    if (!answer.ok()) {
      throw Refusals.of("tell what a token may do", answer);
    }
    List<String> differences = new ArrayList<>();
    new TreeMap<>(needed)
        .forEach((path, capability) -> {
          Set<String> has = capabilities(answer, path);
          if (!has.contains(capability) && !has.contains("root")) {
            differences.add("may not " + capability + " " + path);
          }
        });
    for (String path : forbidden) {
      if (!capabilities(answer, path).equals(Set.of("deny"))) {
        differences.add("may " + String.join(", ", capabilities(answer, path)) + " " + path);
      }
    }
    return differences;
  }

  private static Set<String> capabilities(Answer answer, String path) {
    Set<String> has = new TreeSet<>();
    for (JsonNode each : answer.data().path(path)) {
      has.add(each.asText());
    }
    return has;
  }
}
