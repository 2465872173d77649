package io.exeat.app;

import io.exeat.base.FaultException;
import io.exeat.base.Time;
import io.exeat.flow.ProxyRequests;
import io.exeat.gateway.extauthz.ExtAuthz;
import io.exeat.gateway.extauthz.ExtAuthzConfig;
import io.exeat.gateway.grpc.DoorParts;
import io.exeat.identity.workload.JwtBundles;
import io.exeat.task.Catalogue;
import io.spiffe.spiffeid.SpiffeId;
import java.io.IOException;
import java.time.Duration;
import java.util.Optional;
import java.util.function.Function;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Opens the door for Envoys, where the configuration has one. */
record EnvoyDoor(
    BrokerConfig config,
    Party party,
    Supplier<Catalogue> catalogue,
    ProxyRequests flow,
    DoorParts parts,
    Time time,
    Closing closing) {
  private static final Logger LOG = LoggerFactory.getLogger(EnvoyDoor.class);
  private static final Duration PAUSE = Duration.ofMillis(100);

  /** On a thread of its own: nobody waits for it to be warm, and its TLS needs our SVID. */
  void open(ExtAuthzConfig door) {
    Thread.ofVirtual().name("envoy door").start(() -> keepOpening(door));
  }

  private void keepOpening(ExtAuthzConfig door) {
    Optional<Function<String, SpiffeId>> tokens = door.audience().map(this::tokens);
    while (!Thread.currentThread().isInterrupted()) {
      try {
        ExtAuthz opened =
            ExtAuthz.open(
                door,
                party.tls(),
                tokens,
                name -> Optional.ofNullable(catalogue.get().upstreams().get(name)),
                flow,
                parts);
        closing.later(opened);
        LOG.info("Serving Envoys at {}", door.door());
        return;
      } catch (FaultException e) {
        pause();
      } catch (IOException | IllegalStateException e) {
        LOG.error("The door for Envoys cannot be opened", e);
        return;
      }
    }
  }

  private Function<String, SpiffeId> tokens(String audience) {
    JwtBundles bundles = closing.later(new JwtBundles(config.identity(), party.transport(), time));
    return token -> bundles.verify(token, audience);
  }

  private static void pause() {
    try {
      Thread.sleep(PAUSE);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
