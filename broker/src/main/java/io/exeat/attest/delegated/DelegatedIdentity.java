package io.exeat.attest.delegated;

import com.google.protobuf.ByteString;
import io.exeat.attest.Issuer;
import io.exeat.attest.Peer;
import io.exeat.attest.PidNamespace;
import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import io.exeat.base.Subscription;
import io.exeat.identity.Link;
import io.exeat.identity.SpiffeTransport;
import io.exeat.identity.Svid;
import io.exeat.identity.Svids;
import io.exeat.identity.Watch;
import io.exeat.spire.delegatedidentity.DelegatedIdentityGrpc;
import io.exeat.spire.delegatedidentity.SubscribeToX509SVIDsRequest;
import io.exeat.spire.delegatedidentity.SubscribeToX509SVIDsResponse;
import io.exeat.spire.delegatedidentity.X509SVIDWithKey;
import io.exeat.spire.types.SPIFFEID;
import io.grpc.Status;
import java.nio.file.Path;
import java.security.cert.CertificateException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Asks SPIRE's Delegated Identity API by PID on the SPIRE agent's admin socket, of which this
 * broker is a delegate.
 */
public final class DelegatedIdentity implements Issuer {
  private static final Logger LOG = LoggerFactory.getLogger(DelegatedIdentity.class);

  private final Link link;

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
    return Watch.open(
        link,
        DelegatedIdentityGrpc.getSubscribeToX509SVIDsMethod(),
        SubscribeToX509SVIDsRequest.newBuilder().setPid(peer.pid()).build(),
        new Watch.Receiver<>() {
          @Override
          public void answered(SubscribeToX509SVIDsResponse answer) {
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

  private static List<Svid> read(SubscribeToX509SVIDsResponse answer) {
    List<Svid> svids = new ArrayList<>();
    for (X509SVIDWithKey sent : answer.getX509SvidsList()) {
      SPIFFEID id = sent.getX509Svid().getId();
      byte[] chain = ByteString.copyFrom(sent.getX509Svid().getCertChainList()).toByteArray();
      byte[] key = sent.getX509SvidKey().toByteArray();
      try {
        svids.add(
            Svids.read(
                "spiffe://" + id.getTrustDomain() + id.getPath(),
                chain,
                key,
                sent.getX509Svid().getHint()));
      } catch (CertificateException e) {
        LOG.warn("An X.509-SVID from the Delegated Identity API is left out: {}", e.getMessage());
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
