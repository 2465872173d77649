package io.exeat.identity.development;

import com.google.protobuf.ByteString;
import io.exeat.identity.Svid;
import io.exeat.spire.delegatedidentity.DelegatedIdentityGrpc;
import io.exeat.spire.delegatedidentity.SubscribeToX509BundlesRequest;
import io.exeat.spire.delegatedidentity.SubscribeToX509BundlesResponse;
import io.exeat.spire.delegatedidentity.SubscribeToX509SVIDsRequest;
import io.exeat.spire.delegatedidentity.SubscribeToX509SVIDsResponse;
import io.exeat.spire.delegatedidentity.X509SVIDWithKey;
import io.exeat.spire.types.SPIFFEID;
import io.exeat.spire.types.X509SVID;
import io.grpc.Status;
import io.grpc.stub.StreamObserver;
import io.spiffe.spiffeid.SpiffeId;
import java.security.cert.X509Certificate;
import java.util.Set;

/** SPIRE's Delegated Identity API by PID, for the delegates listed. */
final class DelegatedService extends DelegatedIdentityGrpc.DelegatedIdentityImplBase {
  private final Bundles bundles;
  private final Registry registry;
  private final Set<SpiffeId> delegates;

  DelegatedService(Bundles bundles, Registry registry, Set<SpiffeId> delegates) {
    this.bundles = bundles;
    this.registry = registry;
    this.delegates = delegates;
  }

  private void checkDelegate() {
    boolean listed =
        Caller.of(PeerPid.current()).stream()
            .flatMap(caller -> registry.entriesOf(caller).stream())
            .anyMatch(entry -> delegates.contains(entry.id()));
    if (!listed) {
      throw Status.PERMISSION_DENIED
          .withDescription("caller not configured as an authorized delegate")
          .asRuntimeException();
    }
  }

  @Override
  public void subscribeToX509SVIDs(
      SubscribeToX509SVIDsRequest request, StreamObserver<SubscribeToX509SVIDsResponse> to) {
    checkDelegate();
    Caller workload =
        Caller.of(request.getPid())
            .orElseThrow(() ->
                Status.UNAVAILABLE
                    .withDescription("workload attestation failed")
                    .asRuntimeException());
    Wire.stream(
        registry,
        to,
        () -> {
          SubscribeToX509SVIDsResponse.Builder answer = SubscribeToX509SVIDsResponse.newBuilder();
          for (Svid svid : registry.svidsOf(workload)) {
            answer.addX509Svids(
                X509SVIDWithKey.newBuilder()
                    .setX509Svid(onWire(svid))
                    .setX509SvidKey(ByteString.copyFrom(svid.key().getEncoded())));
          }
          return answer.build();
        });
  }

  private static X509SVID onWire(Svid svid) {
    X509SVID.Builder sent =
        X509SVID
            .newBuilder()
            .setId(
                SPIFFEID
                    .newBuilder()
                    .setTrustDomain(svid.id().getTrustDomain().getName())
                    .setPath(svid.id().getPath()))
            .setExpiresAt(svid.notAfter().getEpochSecond())
            .setHint(svid.hint());
    for (X509Certificate certificate : svid.chain()) {
      sent.addCertChain(Wire.der(certificate));
    }
    return sent.build();
  }

  @Override
  public void subscribeToX509Bundles(
      SubscribeToX509BundlesRequest request, StreamObserver<SubscribeToX509BundlesResponse> to) {
    checkDelegate();
    Wire.stream(
        registry,
        to,
        () ->
            SubscribeToX509BundlesResponse.newBuilder()
                .putAllCaCertificates(bundles.all())
                .build());
  }
}
