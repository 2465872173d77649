package io.exeat.attest.delegated;

import com.google.protobuf.ByteString;
import io.exeat.attest.Issuer;
import io.exeat.attest.Peer;
import io.exeat.attest.PidNamespace;
import io.exeat.attest.PidStream;
import io.exeat.base.FaultException;
import io.exeat.base.Subscription;
import io.exeat.identity.Link;
import io.exeat.identity.SpiffeTransport;
import io.exeat.spire.delegatedidentity.DelegatedIdentityGrpc;
import io.exeat.spire.delegatedidentity.SubscribeToX509SVIDsRequest;
import io.exeat.spire.delegatedidentity.SubscribeToX509SVIDsResponse;
import io.exeat.spire.types.SPIFFEID;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;

/**
 * Asks SPIRE's Delegated Identity API by PID on the SPIRE agent's admin socket, of which this
 * broker is a delegate.
 */
public final class DelegatedIdentity implements Issuer {
  private final Link link;
  private final PidStream<SubscribeToX509SVIDsRequest, SubscribeToX509SVIDsResponse> stream;

  /**
   * Looks whether a PID of ours means the same to the agent, before any is sent.
   *
   * @throws IllegalStateException when it does not, saying what to do
   * @throws FaultException Unavailable IDENTITY when nobody listens on {@code socket}, or not
   *     {@code within}
   */
  public DelegatedIdentity(Path socket, SpiffeTransport transport, Duration within) {
    PidNamespace.check(socket, transport, within);
    this.link = transport.plain(socket, "");
    this.stream =
        new PidStream<>(
            link,
            DelegatedIdentityGrpc.getSubscribeToX509SVIDsMethod(),
            "Delegated Identity API",
            DelegatedIdentity::read);
  }

  @Override
  public void admit(Peer.Local peer) {
    PidStream.admit(peer);
  }

  @Override
  public Subscription watch(Peer.Local peer, Answers answers) {
    return stream.watch(
        SubscribeToX509SVIDsRequest.newBuilder().setPid(peer.pid()).build(), answers);
  }

  private static List<PidStream.Sent> read(SubscribeToX509SVIDsResponse answer) {
    return answer.getX509SvidsList().stream()
        .map(sent -> {
          SPIFFEID id = sent.getX509Svid().getId();
          return new PidStream.Sent(
              "spiffe://" + id.getTrustDomain() + id.getPath(),
              ByteString.copyFrom(sent.getX509Svid().getCertChainList()),
              sent.getX509SvidKey(),
              sent.getX509Svid().getHint());
        })
        .toList();
  }

  @Override
  public String state() {
    return link.state();
  }

  @Override
  public void close() {
    link.close();
  }
}
