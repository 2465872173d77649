package io.exeat.attest.brokerapi;

import com.google.protobuf.Any;
import io.exeat.attest.Issuer;
import io.exeat.attest.Peer;
import io.exeat.attest.PidNamespace;
import io.exeat.attest.PidStream;
import io.exeat.base.FaultException;
import io.exeat.base.Subscription;
import io.exeat.identity.Link;
import io.exeat.identity.SpiffeTls;
import io.exeat.identity.SpiffeTransport;
import io.exeat.spiffe.broker.APIGrpc;
import io.exeat.spiffe.broker.SubscribeToX509SVIDRequest;
import io.exeat.spiffe.broker.SubscribeToX509SVIDResponse;
import io.exeat.spiffe.broker.WorkloadPIDReference;
import io.exeat.spiffe.broker.WorkloadReference;
import io.spiffe.spiffeid.SpiffeId;
import io.spiffe.spiffeid.TrustDomain;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;

/**
 * Asks a SPIFFE Broker API by PID, over mTLS with the broker's own SVID; the endpoint must be the
 * SPIRE agent of the own trust domain.
 */
public final class BrokerApi implements Issuer {
  private static final String HEADER = "broker.spiffe.io";

  private final Link link;
  private final PidStream<SubscribeToX509SVIDRequest, SubscribeToX509SVIDResponse> stream;

  /**
   * Looks whether a PID of ours means the same to the agent, before any is sent.
   *
   * @throws IllegalStateException when it does not, saying what to do
   * @throws FaultException Unavailable IDENTITY when nobody listens on {@code socket}, or not
   *     {@code within}
   */
  public BrokerApi(
      Path socket, TrustDomain own, SpiffeTls tls, SpiffeTransport transport, Duration within) {
    PidNamespace.check(socket, transport, within);
    this.link = transport.tls(socket, HEADER, tls.client(id -> isAgent(id, own)));
    this.stream =
        new PidStream<>(
            link, APIGrpc.getSubscribeToX509SVIDMethod(), "Broker API", BrokerApi::read);
  }

  /** The agent's ID differs from node to node; its first segments are SPIRE's own. */
  private static boolean isAgent(SpiffeId id, TrustDomain own) {
    return id.memberOf(own) && id.getPath().startsWith("/spire/agent/");
  }

  @Override
  public void admit(Peer.Local peer) {
    PidStream.admit(peer);
  }

  @Override
  public Subscription watch(Peer.Local peer, Answers answers) {
    WorkloadReference reference =
        WorkloadReference.newBuilder()
            .setReference(Any.pack(WorkloadPIDReference.newBuilder().setPid(peer.pid()).build()))
            .build();
    return stream.watch(
        SubscribeToX509SVIDRequest.newBuilder().setReference(reference).build(), answers);
  }

  private static List<PidStream.Sent> read(SubscribeToX509SVIDResponse answer) {
    return answer.getSvidsList().stream()
        .map(sent ->
            new PidStream.Sent(
                sent.getSpiffeId(), sent.getX509Svid(), sent.getX509SvidKey(), sent.getHint()))
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
