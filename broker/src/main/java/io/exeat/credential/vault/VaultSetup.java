package io.exeat.credential.vault;

import com.fasterxml.jackson.databind.JsonNode;
import io.exeat.base.FaultException;
import io.exeat.base.SecretBytes;
import io.exeat.task.AgentEntry;
import io.exeat.task.Catalogue;
import io.exeat.task.Target;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Supplier;
import javax.net.ssl.SSLContext;

/**
 * Sets Vault up for a catalogue, with an operator's token; what is as it should be is left alone.
 * The broker itself never has such rights.
 *
 * <p>What the catalogue no longer names stays in Vault, out of the broker's reach: its policy names
 * each path. An agent's entity that a person disabled stays disabled; one whose SPIFFE ID changed
 * in the catalogue is known by the new one, and by the former no more.
 */
public final class VaultSetup implements AutoCloseable {
  private final VaultClient client;
  private final VaultSettings vault;
  private final SetupSettings setup;
  private final SecretBytes operator;

  /**
   * @param operator a token that may write what is compared; ours to read, the caller's to close
   */
  public VaultSetup(
      VaultSettings vault, SetupSettings setup, Supplier<SSLContext> tls, SecretBytes operator) {
    this.client = new VaultClient(vault, tls);
    this.vault = vault;
    this.setup = setup;
    this.operator = operator;
  }

  /**
   * Says what differs and writes nothing. Of agents that take each other's SPIFFE IDs it says so of
   * each, though the last then finds its own free.
   *
   * @throws FaultException Unavailable VAULT, or Malformed for what cannot be set up so
   */
  public List<Change> check(Catalogue catalogue) {
    return run(catalogue, false);
  }

  /**
   * Writes what differs, in an order in which each thing can be used once it is there. It can be
   * run again after a failure.
   *
   * @throws FaultException Unavailable VAULT, or Malformed for what cannot be set up so
   */
  public List<Change> apply(Catalogue catalogue) {
    return run(catalogue, true);
  }

  @Override
  public void close() {
    client.close();
  }

  private List<Change> run(Catalogue catalogue, boolean write) {
    Wanted wanted = new Wanted(vault, setup, catalogue);
    List<Item> items = wanted.items();
    List<Item> roles = wanted.tokenRoles();
    List<Change> changes = new ArrayList<>();
    try {
      changes.add(mount("sys/auth", vault.mount(), "jwt", write));
      changes.add(mount("sys/mounts", "database", "database", write));
      for (Target target : new TreeMap<>(catalogue.targets()).values()) {
        switch (target) {
          case Target.Pki pki -> changes.add(issuer(pki));
          case Target.Ssh ssh -> changes.add(authority(ssh));
          case Target.Kubernetes cluster -> changes.add(cluster(cluster));
          case Target.Postgres _, Target.Service _ -> {} // nothing of theirs is made by people
        }
      }
      for (Item item : items) {
        changes.add(settle(item, write));
      }
      changes.addAll(entity(vault.role(), setup.broker().toString(), vault.mount(), write));
      for (AgentEntry agent : new TreeMap<>(catalogue.agents()).values()) {
        changes.addAll(entity(agent.name(), agent.id().toString(), "token", write));
      }
      // Last: a role whose agent's ID is no alias yet would have Vault make an entity for it, which
      // nobody disabled.
      for (Item role : roles) {
        changes.add(settle(role, write));
      }
      return changes;
    } catch (NoAnswer e) {
      throw Refusals.of(e);
    }
  }

  private Change mount(String kind, String path, String type, boolean write) throws NoAnswer {
    String what = kind + "/" + path;
    JsonNode there = must(what, client.get(kind, operator)).data().path(path + "/");
    if (!there.isMissingNode()) {
      return there.path("type").asText().equals(type)
          ? new Change(what, Change.Kind.SAME, List.of())
          : new Change(
              what, Change.Kind.LEFT, List.of("is of type " + there.path("type").asText()));
    }
    if (write) {
      must(what, client.post(what, operator, Map.of("type", type)));
    }
    return new Change(what, Change.Kind.CREATE, List.of());
  }

  /** An authority is made, and its key kept, by people: it is looked for and not touched. */
  private Change issuer(Target.Pki target) throws NoAnswer {
    String mount = engine(target.name(), target.mount(), "pki");
    var _ = Issuers.published(client, target);
    JsonNode list = must(mount + "/config/crl", client.get(mount + "/config/crl", operator)).data();
    return list.path("auto_rebuild").asBoolean() || list.path("disable").asBoolean()
        ? new Change(
            mount + "/config/crl",
            Change.Kind.LEFT,
            List.of("its list is not made anew at once: what ends stays revoking until it is"))
        : new Change(mount + "/issuer/" + target.issuer(), Change.Kind.SAME, List.of());
  }

  private Change authority(Target.Ssh target) throws NoAnswer {
    String mount = engine(target.name(), target.mount(), "ssh");
    Answer found = client.get(mount + "/config/ca", operator);
    if (!found.ok()) {
      throw new FaultException(
          Refusals.vault(
              "target %s: the SSH engine at %2$s/ has no authority. Make it (bao write %2$s/config/ca generate_signing_key=true key_type=ed25519) and have the hosts trust it, then come back"
                  .formatted(target.name(), mount)),
          Refusals.said(found));
    }
    return new Change(mount + "/config/ca", Change.Kind.SAME, List.of());
  }

  /** Vault's own account at the cluster is made by people: it may give rights away. */
  private Change cluster(Target.Kubernetes target) throws NoAnswer {
    String mount = engine(target.name(), target.mount(), "kubernetes");
    Answer found = client.get(mount + "/config", operator);
    if (!found.ok() || found.data().path("kubernetes_host").asText().isEmpty()) {
      throw new FaultException(
          Refusals.vault(
              "target %s: the Kubernetes engine at %2$s/ knows no cluster. Tell it (bao write %2$s/config kubernetes_host=... service_account_jwt=...), then come back"
                  .formatted(target.name(), mount)),
          Refusals.said(found));
    }
    String authorities = found.data().path("kubernetes_ca_cert").asText();
    if (!authorities.isEmpty() && !AccountRole.haveOneInCommon(authorities, target.authorities())) {
      throw new FaultException(
          Refusals.vault(
              "target %s: the Kubernetes engine at %2$s/ works at another cluster: no authority of its kubernetes_ca_cert is in the target's ca. Give each cluster an engine and a mount of its own"
                  .formatted(target.name(), mount)));
    }
    return new Change(mount + "/config", Change.Kind.SAME, List.of());
  }

  /** The path of an engine that people made, checked. */
  private String engine(String target, String at, String type) throws NoAnswer {
    String mount = Names.check("mount", at);
    JsonNode there =
        must("sys/mounts", client.get("sys/mounts", operator)).data().path(mount + "/");
    if (!there.path("type").asText().equals(type)) {
      throw new FaultException(
          Refusals.vault(
              "target %1$s: Vault has no %3$s engine at %2$s/. Make it (bao secrets enable -path=%2$s %3$s), give it its authority, then come back"
                  .formatted(target, mount, type)));
    }
    return mount;
  }

  private Change settle(Item item, boolean write) throws NoAnswer {
    Answer found = client.get(item.path(), operator);
    Change change;
    if (missing(found)) {
      change = new Change(item.path(), Change.Kind.CREATE, List.of());
    } else {
      List<String> differences = item.differences(must(item.path(), found).data());
      boolean secret = !item.unreadable().isEmpty();
      if (differences.isEmpty() && !secret) {
        return new Change(item.path(), Change.Kind.SAME, List.of());
      }
      change =
          new Change(
              item.path(),
              differences.isEmpty() ? Change.Kind.REWRITE : Change.Kind.UPDATE,
              differences);
    }
    if (write) {
      must(item.path(), client.post(item.path(), operator, item.body()));
    }
    return change;
  }

  /** An agent with a name, known by its SPIFFE ID at the mount that its tokens come from. */
  private List<Change> entity(String name, String id, String mount, boolean write) throws NoAnswer {
    String path = "identity/entity/name/" + Names.check("agent", name);
    Item item = new Item(path, Map.of("policies", List.of()));
    List<Change> changes = new ArrayList<>();
    Answer found = client.get(path, operator);
    if (found.ok() && found.data().path("disabled").asBoolean()) {
      changes.add(new Change(path, Change.Kind.LEFT, List.of("is disabled")));
    } else {
      changes.add(settle(item, write));
      found = client.get(path, operator);
    }
    changes.add(new Alias(client, operator, found.data(), mount).settle(id, write));
    return changes;
  }

  /** A mount that is not there yet answers with more than 404. */
  private static boolean missing(Answer answer) {
    return answer.status() == 404
        || (answer.status() == 400 && answer.says("no handler for route"))
        || answer.status() == 204;
  }

  static Answer must(String what, Answer answer) {
    if (!answer.ok()) {
      throw new FaultException(
          Refusals.vault(
              "Vault refused " + what + " (" + answer.status() + "): " + answer.errors()),
          Refusals.said(answer));
    }
    return answer;
  }
}
