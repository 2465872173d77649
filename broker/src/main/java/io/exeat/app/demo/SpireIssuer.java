package io.exeat.app.demo;

import io.exeat.app.stage.OtherUser;
import io.exeat.app.stage.Spire;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;

/** SPIRE: processes are known by their uid, so the agent's must be one of its own. */
record SpireIssuer(Spire spire) implements Issuer {
  static SpireIssuer start(Spire.Parts parts, Path folder, OtherUser agent) {
    return new SpireIssuer(
        Spire.start(
            parts,
            folder,
            TRUST_DOMAIN,
            BROKER,
            List.of(
                new Spire.Registration(
                    BROKER, List.of("unix:uid:" + OtherUser.own()), Duration.ofHours(1), ""),
                new Spire.Registration(
                    AGENT, List.of("unix:uid:" + agent.uid()), Duration.ofHours(1), ""))));
  }

  @Override
  public String mode() {
    return "broker-api";
  }

  @Override
  public Path workloadSocket() {
    return spire.workloadSocket();
  }

  @Override
  public Path brokerSocket() {
    return spire.brokerSocket();
  }

  @Override
  public List<String> jwtKeys() {
    return spire.jwtKeys();
  }

  @Override
  public void isBroker(long pid) {}

  @Override
  public void isAgent(long pid) {}

  @Override
  public void close() {
    spire.close();
  }
}
