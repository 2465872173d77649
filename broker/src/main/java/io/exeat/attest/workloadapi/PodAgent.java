package io.exeat.attest.workloadapi;

import io.exeat.attest.AttestConfig;
import io.exeat.attest.Issuer;
import io.exeat.attest.Peer;
import io.exeat.base.CannotStart;
import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import io.exeat.base.Subscription;
import io.exeat.identity.IdentityConfig;
import io.exeat.identity.IdentitySource;
import io.exeat.identity.Svid;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The agent's SVID comes with the broker's own, so any process is the agent that the kernel says
 * runs as the agent's uid: in a pod the processes of another container are without PID, and the
 * socket is mounted into two containers.
 */
public final class PodAgent implements Issuer {
  private static final Logger LOG = LoggerFactory.getLogger(PodAgent.class);

  private final AttestConfig.WorkloadApi config;
  private final IdentitySource source;
  private volatile String said = "";

  /**
   * Leaves {@code source} open when closed.
   *
   * @throws CannotStart when the agent would have the broker's own ID: it could log in to Vault as
   *     the broker; and when the SVID of one of the two is not to be told from another
   * @throws FaultException Unavailable IDENTITY as long as there is no own SVID: what the agent has
   *     comes with it
   */
  public PodAgent(AttestConfig.WorkloadApi config, IdentityConfig own, IdentitySource source) {
    if (config.agent().equals(own.id())) {
      throw new CannotStart(
          "the agent's SPIFFE ID, attestation.agent, is the broker's own, " + own.id(),
          "Give the broker's container a registration entry of its own (k8s:container-name).");
    }
    refuse(Choice.ofBroker(own, source));
    var _ = source.svid();
    refuse(Choice.ofAgent(config, source));
    this.config = config;
    this.source = source;
  }

  private static void refuse(Choice choice) {
    if (choice instanceof Choice.Several several) {
      throw new CannotStart(several.what(), several.remedy());
    }
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
    switch (Choice.ofAgent(config, source)) {
      case Choice.One(Svid svid) -> {
        answers.entitled(List.of(svid));
        said = "";
      }
      case Choice.None(String why) -> refuse(answers, why);
      case Choice.Several(String what, String remedy) ->
          refuse(answers, what + "; none of them is taken. " + remedy);
    }
  }

  /** Said once, however many processes of the agent's ask. */
  private void refuse(Answers answers, String why) {
    if (!why.equals(said)) {
      said = why;
      LOG.warn("Nobody is the agent: {}", why);
    }
    answers.refused(why);
  }

  @Override
  public String state() {
    return "the Workload API";
  }

  /** The identity source belongs to whoever made it. */
  @Override
  public void close() {}
}
