package io.exeat.app.demo;

import java.nio.file.Path;
import java.util.List;

/** Who gives out SVIDs in the demo: SPIRE, or the development authority. */
interface Issuer extends AutoCloseable {
  String TRUST_DOMAIN = "example.org";
  String BROKER = "spiffe://example.org/host/demo/broker/exeat";
  String AGENT = "spiffe://example.org/host/demo/agent/support";

  /** {@code attestation.mode}. */
  String mode();

  Path workloadSocket();

  Path brokerSocket();

  /** PEM of the JWT authorities. */
  List<String> jwtKeys();

  /** The sidecar process has started; it may be known by its PID alone. */
  void isBroker(long pid);

  /** The agent's process has started. */
  void isAgent(long pid);

  @Override
  void close();
}
