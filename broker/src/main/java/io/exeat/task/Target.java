package io.exeat.task;

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

  /** Something at which nothing is lent: leave alone is given to use it. */
  record Service(String name, String environment, String host) implements Target {}
}
