package io.exeat.attest.brokerapi;

import com.google.protobuf.Any;
import io.exeat.attest.Issuer;
import io.exeat.attest.Peer;
import io.exeat.attest.PidNamespace;
import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import io.exeat.base.Subscription;
import io.exeat.identity.Link;
import io.exeat.identity.SpiffeTls;
import io.exeat.identity.SpiffeTransport;
import io.exeat.identity.Svid;
import io.exeat.identity.Svids;
import io.exeat.identity.Watch;
import io.exeat.spiffe.broker.APIGrpc;
import io.exeat.spiffe.broker.SubscribeToX509SVIDRequest;
import io.exeat.spiffe.broker.SubscribeToX509SVIDResponse;
import io.exeat.spiffe.broker.WorkloadPIDReference;
import io.exeat.spiffe.broker.WorkloadReference;
import io.exeat.spiffe.broker.X509SVID;
import io.grpc.Status;
import io.spiffe.spiffeid.SpiffeId;
import io.spiffe.spiffeid.TrustDomain;
import java.nio.file.Path;
import java.security.cert.CertificateException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Asks a SPIFFE Broker API by PID, over mTLS with the broker's own SVID; the endpoint must be the
 * SPIRE agent of the own trust domain.
 */
public final class BrokerApi implements Issuer {
  private static final Logger LOG = LoggerFactory.getLogger(BrokerApi.class);
  private static final String HEADER = "broker.spiffe.io";

  private final Link link;

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
  }

  /** The agent's ID differs from node to node; its first segments are SPIRE's own. */
  private static boolean isAgent(SpiffeId id, TrustDomain own) {
    return id.memberOf(own) && id.getPath().startsWith("/spire/agent/");
  }

  @Override
  public void admit(Peer.Local peer) {
    if (peer.pid() <= 0) {
      throw new FaultException(
          new Fault.Unattested("the process is not visible in this broker's PID namespace"));
    }
  }

  @Override
  public Subscription watch(Peer.Local peer, Answers answers) {
    WorkloadReference reference =
        WorkloadReference.newBuilder()
            .setReference(Any.pack(WorkloadPIDReference.newBuilder().setPid(peer.pid()).build()))
            .build();
    return Watch.open(
        link,
        APIGrpc.getSubscribeToX509SVIDMethod(),
        SubscribeToX509SVIDRequest.newBuilder().setReference(reference).build(),
        new Watch.Receiver<>() {
          @Override
          public void answered(SubscribeToX509SVIDResponse answer) {
            answers.entitled(read(answer));
          }

          @Override
          public void refused(Status why) {
            answers.refused(String.valueOf(why.getDescription()));
          }

          @Override
          public void interrupted(Status why) {
            answers.interrupted(why.getCode() + " " + why.getDescription());
          }
        });
  }

  private static List<Svid> read(SubscribeToX509SVIDResponse answer) {
    List<Svid> svids = new ArrayList<>();
    for (X509SVID sent : answer.getSvidsList()) {
      byte[] key = sent.getX509SvidKey().toByteArray();
      try {
        svids.add(
            Svids.read(sent.getSpiffeId(), sent.getX509Svid().toByteArray(), key, sent.getHint()));
      } catch (CertificateException e) {
        LOG.warn("An X.509-SVID from the Broker API is left out: {}", e.getMessage());
      } finally {
        Arrays.fill(key, (byte) 0);
      }
    }
    return svids;
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
