package io.exeat.task;

import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * A catalogue entry: what may be lent.
 *
 * @param name {@code [a-z0-9-]}, 1 to 63 characters; also the name of its Vault role and policy
 * @param target the catalogue name of what the credential is for
 * @param actions what it is good for, in the catalogue's words, such as {@code read}
 * @param dataClass the class of the data that it reaches
 * @param tools the tools that may use it; empty for no tool
 * @param delivery how the secret may reach its user
 * @param lease how long the credential lives unless it is renewed: the bound on its life when every
 *     component is gone. Certificates and service accounts are not renewed
 * @param budget how much of it at a time, all agents together
 * @param kind what is lent
 */
public record Grant(
    String name,
    String target,
    Set<String> actions,
    String dataClass,
    Set<String> tools,
    Delivery delivery,
    Duration lease,
    Budget budget,
    Kind kind) {
  /** The action that only looks. */
  public static final String READ = "read";

  public Grant {
    actions = Set.copyOf(actions);
    tools = Set.copyOf(tools);
  }

  /** Whether it is good for reading and nothing else; the reader of the file holds it to that. */
  public boolean isReadOnly() {
    return actions.equals(Set.of(READ));
  }

  /** Whether a credential belongs to it; without one it is leave alone. */
  public boolean lends() {
    return switch (kind) {
      case Kind.Postgres _, Kind.Certificate _, Kind.SshCertificate _, Kind.ServiceAccount _ ->
          true;
      case Kind.Nothing _ -> false;
    };
  }

  /** The same for these tools too. */
  Grant with(Set<String> more) {
    Set<String> all = new HashSet<>(tools);
    all.addAll(more);
    return new Grant(name, target, actions, dataClass, all, delivery, lease, budget, kind);
  }

  /** How the secret may reach its user. */
  public enum Delivery {
    /** Only through one of the broker's proxies; never handed out. */
    PROXIED,
    /** Handed to the agent. */
    RAW
  }

  /** What is lent. */
  public sealed interface Kind {
    /** A database role of its own for each epoch (Vault's database engine, PostgreSQL plugin). */
    record Postgres(List<Privilege> privileges) implements Kind {
      public Postgres {
        privileges = List.copyOf(privileges);
      }
    }

    /**
     * A certificate for TLS clients (Vault's PKI engine), of which the broker makes the key.
     *
     * @param at whose certificate it is
     * @param names the DNS names that it has, all of them
     * @param uris the URIs that it has, such as a SPIFFE ID, all of them
     */
    record Certificate(Target.Pki at, Set<String> names, Set<String> uris, Key key)
        implements Kind {
      public Certificate {
        names = Set.copyOf(names);
        uris = Set.copyOf(uris);
      }
    }

    /**
     * A user's certificate for SSH (Vault's SSH engine), of which the broker makes the key. Nobody
     * can take it back: it works until it ends.
     *
     * @param at where it lets in
     * @param users the accounts that it lets into, all of them
     * @param extensions what a session may do beside running a command, such as {@code permit-pty}
     * @param command the only command that it runs, whatever is asked for; empty for any
     */
    record SshCertificate(
        Target.Ssh at, Set<String> users, Set<String> extensions, Optional<String> command)
        implements Kind {
      public SshCertificate {
        users = Set.copyOf(users);
        extensions = Set.copyOf(extensions);
      }
    }

    /**
     * A Kubernetes service account of its own for each credential (Vault's Kubernetes engine), with
     * what it may do bound to it in one namespace.
     *
     * @param at whose account it is
     * @param namespace where it is, and the only one that its rights are for
     * @param rules of the Role that Vault makes for it and takes away with it; not empty
     */
    record ServiceAccount(Target.Kubernetes at, String namespace, List<Rule> rules)
        implements Kind {
      public ServiceAccount {
        rules = List.copyOf(rules);
      }
    }

    /** No credential: the grant is leave alone, for what a proxy does. */
    record Nothing() implements Kind {}
  }

  /**
   * One PolicyRule of RBAC, exact: nothing in it is a {@code *}.
   *
   * @param apiGroups empty text for the core group
   * @param names of the objects; empty for all
   */
  public record Rule(
      List<String> apiGroups, List<String> resources, List<String> names, List<String> verbs) {
    public Rule {
      apiGroups = List.copyOf(apiGroups);
      resources = List.copyOf(resources);
      names = List.copyOf(names);
      verbs = List.copyOf(verbs);
    }
  }

  /** The keys that certificates are made with. */
  public enum Key {
    EC_P256("ec", 256),
    EC_P384("ec", 384),
    RSA_3072("rsa", 3072);

    private final String type;
    private final int bits;

    Key(String type, int bits) {
      this.type = type;
      this.bits = bits;
    }

    /** {@code ec} or {@code rsa}, as Vault calls it. */
    public String type() {
      return type;
    }

    /** The size, in bits. */
    public int bits() {
      return bits;
    }
  }

  /**
   * One direct grant: {@code GRANT <rights> ON TABLE <schema>.<table>}.
   *
   * @param rights of SELECT, INSERT, UPDATE, DELETE
   */
  public record Privilege(Set<String> rights, String schema, String table) {
    public Privilege {
      rights = Set.copyOf(rights);
    }
  }
}
