package io.exeat.attest;

import com.google.protobuf.ByteString;
import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import io.exeat.base.Subscription;
import io.exeat.identity.Link;
import io.exeat.identity.Svid;
import io.exeat.identity.Svids;
import io.exeat.identity.Watch;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import java.security.cert.CertificateException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Function;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What the modes that ask by PID have in common: whom they may ask about, and how a stream of SVIDs
 * becomes answers.
 *
 * @param <Q> asks about one PID
 * @param <R> has all SVIDs of that process
 * @param api its name, for people
 * @param read the SVIDs as they came
 */
public record PidStream<Q, R>(
    Link link, MethodDescriptor<Q, R> method, String api, Function<R, List<Sent>> read) {
  private static final Logger LOG = LoggerFactory.getLogger(PidStream.class);

  /**
   * An SVID on the wire.
   *
   * @param chain DER, the leaf first
   * @param key PKCS #8
   */
  public record Sent(String id, ByteString chain, ByteString key, String hint) {}

  /**
   * Whether the peer has a PID here: one in a namespace out of our sight has 0, which would be
   * asked about as somebody else.
   *
   * @throws FaultException Unattested when it has none
   */
  public static void admit(Peer.Local peer) {
    if (peer.pid() <= 0) {
      throw new FaultException(
          new Fault.Unattested("the process is not visible in this broker's PID namespace"));
    }
  }

  /** Asks until closed. */
  public Subscription watch(Q request, Issuer.Answers answers) {
    return Watch.open(
        link,
        method,
        request,
        new Watch.Receiver<>() {
          @Override
          public void answered(R answer) {
            answers.entitled(svids(read.apply(answer)));
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

  private List<Svid> svids(List<Sent> all) {
    List<Svid> svids = new ArrayList<>();
    for (Sent sent : all) {
      byte[] key = sent.key().toByteArray();
      try {
        svids.add(Svids.read(sent.id(), sent.chain().toByteArray(), key, sent.hint()));
      } catch (CertificateException e) {
        LOG.warn("An X.509-SVID from the {} is left out: {}", api, e.getMessage());
      } finally {
        Arrays.fill(key, (byte) 0);
      }
    }
    return svids;
  }
}
