package io.exeat.attest;

import io.exeat.base.Subscription;
import io.exeat.identity.Svid;
import java.util.List;

/**
 * Who says what a local process is entitled to: the part in which the modes for Unix sockets
 * differ.
 */
public interface Issuer extends AutoCloseable {
  /**
   * Whether this mode serves such a peer at all.
   *
   * @throws io.exeat.base.FaultException Unattested when it does not
   */
  void admit(Peer.Local peer);

  /** Asks what {@code peer} is entitled to, now and after each change, until closed. */
  Subscription watch(Peer.Local peer, Answers answers);

  /** For people: where it is asked, and whether that is connected. */
  String state();

  @Override
  void close();

  /** Called one at a time; one call may be under way when the subscription is closed. */
  interface Answers {
    /** All SVIDs; what is absent has been withdrawn. */
    void entitled(List<Svid> svids);

    /** There are none. */
    void refused(String why);

    /** It cannot be asked now; what was said before is the latest that is known. */
    void interrupted(String why);
  }
}
