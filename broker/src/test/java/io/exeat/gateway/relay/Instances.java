package io.exeat.gateway.relay;

import io.exeat.attest.Agent;
import io.exeat.attest.Attestor;
import io.exeat.attest.Peer;
import io.exeat.base.Subscription;
import io.exeat.gateway.grpc.TlsFixture;
import io.exeat.identity.Svid;
import io.spiffe.spiffeid.SpiffeId;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;

/** Whoever calls is a process of one agent, and the process that the test says. */
final class Instances implements Attestor {
  final Map<Agent, Consumer<String>> watchers = new ConcurrentHashMap<>();
  volatile String instance = "process one";
  volatile Svid svid;

  Instances(Svid svid) {
    this.svid = svid;
  }

  @Override
  public Agent attest(Peer peer) {
    return new Agent(SpiffeId.parse(TlsFixture.AGENT), instance);
  }

  @Override
  public Subscription whenGone(Agent agent, Consumer<String> then) {
    watchers.put(agent, then);
    return () -> watchers.remove(agent);
  }

  @Override
  public Svid svidOf(Agent agent) {
    return svid;
  }

  @Override
  public void close() {}
}
