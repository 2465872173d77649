package io.exeat.attest.workloadapi;

import io.exeat.attest.AttestConfig;
import io.exeat.attest.Issuer;
import io.exeat.attest.Peer;
import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import io.exeat.base.Subscription;
import io.exeat.identity.IdentitySource;
import io.exeat.identity.Svid;
import io.spiffe.spiffeid.SpiffeId;
import java.util.List;

/**
 * The agent's SVID comes with the broker's own, so any process is the agent that the kernel says
 * runs as the agent's uid: in a pod the processes of another container are without PID, and the
 * socket is mounted into two containers.
 */
public final class PodAgent implements Issuer {
  private final AttestConfig.WorkloadApi config;
  private final IdentitySource source;

  /**
   * Leaves {@code source} open when closed.
   *
   * @throws IllegalStateException when the agent would have the broker's own ID: it could log in to
   *     Vault as the broker
   */
  public PodAgent(AttestConfig.WorkloadApi config, SpiffeId own, IdentitySource source) {
    if (config.agent().equals(own)) {
      throw new IllegalStateException(
          "the agent's SPIFFE ID is the broker's own, "
              + own
              + "; give the broker's container an entry of its own (k8s:container-name)");
    }
    this.config = config;
    this.source = source;
  }

  @Override
  public void admit(Peer.Local peer) {
    if (peer.uid() != config.uid()) {
      throw new FaultException(
          new Fault.Unattested(
              "the process runs as uid " + peer.uid() + ", which is not the agent's"));
    }
  }

  @Override
  public Subscription watch(Peer.Local peer, Answers answers) {
    Subscription changes = source.onChange(() -> look(answers));
    look(answers);
    return changes;
  }

  private void look(Answers answers) {
    Svid svid;
    try {
      svid = source.svid(config.agent());
    } catch (FaultException e) {
      answers.refused("the Workload API gives no X.509-SVID of " + config.agent());
      return;
    }
    if (config.hint().isEmpty() || config.hint().equals(svid.hint())) {
      answers.entitled(List.of(svid));
    } else {
      answers.refused("the X.509-SVID of " + config.agent() + " has another hint than configured");
    }
  }

  @Override
  public String state() {
    return "the Workload API";
  }

  /** The identity source belongs to whoever made it. */
  @Override
  public void close() {}
}
