package io.exeat.attest;

import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import io.exeat.base.Subscription;

/**
 * Turns away agents of the broker's own user, whatever the issuer would say of them. Such a process
 * cannot look into the broker's memory, which is not dumpable; but it can read and write the
 * broker's files, signal it, call the operators' socket, and be taken for the broker by an issuer
 * that goes by the uid.
 */
public final class OtherUsers implements Issuer {
  private final Issuer issuer;
  private final int own;

  /**
   * Takes {@code issuer} over and closes it.
   *
   * @param own the broker's uid
   */
  public OtherUsers(Issuer issuer, int own) {
    this.issuer = issuer;
    this.own = own;
  }

  @Override
  public void admit(Peer.Local peer) {
    if (peer.uid() == own) {
      throw new FaultException(
          new Fault.Unattested(
              "the process runs as uid "
                  + own
                  + ", which is the broker's own: run the agent as another user, or set"
                  + " attestation.unsafe-same-user"));
    }
    issuer.admit(peer);
  }

  @Override
  public Subscription watch(Peer.Local peer, Answers answers) {
    return issuer.watch(peer, answers);
  }

  @Override
  public String state() {
    return issuer.state();
  }

  @Override
  public void close() {
    issuer.close();
  }
}
