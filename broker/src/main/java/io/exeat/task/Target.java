package io.exeat.task;

import java.net.URI;
import java.util.List;

/** What credentials are for: a catalogue entry. */
public sealed interface Target {
  /** The catalogue name: {@code [a-z0-9-]}, 1 to 63 characters. */
  String name();

  /** Such as {@code production}; an attribute of decisions. */
  String environment();

  /** Where it is: a host name or an IP address. */
  String host();

  /**
   * A PostgreSQL database.
   *
   * @param port 1 to 65535
   * @param tls whether connections to it must be TLS with a verified certificate
   */
  record Postgres(
      String name, String environment, String host, int port, String database, boolean tls)
      implements Target {}

  /**
   * What takes certificates of one issuer of Vault's PKI engine.
   *
   * @param host the service that they are for
   * @param mount the engine's path in Vault: {@code [a-z0-9-]}, 1 to 63 characters
   * @param issuer the name of the issuer there
   * @param lists where else its revocation list is published, as those who check certificates fetch
   *     it; may be empty
   */
  record Pki(
      String name, String environment, String host, String mount, String issuer, List<URI> lists)
      implements Target {
    public Pki {
      lists = List.copyOf(lists);
    }
  }

  /**
   * Hosts that let in whom one authority of Vault's SSH engine signed for.
   *
   * @param port 1 to 65535
   * @param mount the engine's path in Vault: {@code [a-z0-9-]}, 1 to 63 characters
   */
  record Ssh(String name, String environment, String host, int port, String mount)
      implements Target {}

  /**
   * The API of a Kubernetes cluster, at which Vault's Kubernetes engine makes accounts.
   *
   * @param port 1 to 65535
   * @param authorities who vouches for the API server: certificates in PEM, not secret
   * @param mount the engine's path in Vault: {@code [a-z0-9-]}, 1 to 63 characters
   * @param home the namespace of the verifier's own account
   */
  record Kubernetes(
      String name,
      String environment,
      String host,
      int port,
      String authorities,
      String mount,
      String home)
      implements Target {}

  /** Something at which nothing is lent: leave alone is given to use it. */
  record Service(String name, String environment, String host) implements Target {}
}
