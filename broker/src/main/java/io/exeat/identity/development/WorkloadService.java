package io.exeat.identity.development;

import com.google.protobuf.ByteString;
import io.exeat.identity.Svid;
import io.exeat.spiffe.workload.JWTBundlesRequest;
import io.exeat.spiffe.workload.JWTBundlesResponse;
import io.exeat.spiffe.workload.JWTSVID;
import io.exeat.spiffe.workload.JWTSVIDRequest;
import io.exeat.spiffe.workload.JWTSVIDResponse;
import io.exeat.spiffe.workload.SpiffeWorkloadAPIGrpc;
import io.exeat.spiffe.workload.X509BundlesRequest;
import io.exeat.spiffe.workload.X509BundlesResponse;
import io.exeat.spiffe.workload.X509SVID;
import io.exeat.spiffe.workload.X509SVIDRequest;
import io.exeat.spiffe.workload.X509SVIDResponse;
import io.grpc.Status;
import io.grpc.stub.StreamObserver;
import java.util.List;

/** The Workload API; like SPIRE, it answers a caller without an entry with PermissionDenied. */
final class WorkloadService extends SpiffeWorkloadAPIGrpc.SpiffeWorkloadAPIImplBase {
  private final Bundles bundles;
  private final Registry registry;
  private final JwtAuthority jwts;

  WorkloadService(Bundles bundles, Registry registry, JwtAuthority jwts) {
    this.bundles = bundles;
    this.registry = registry;
    this.jwts = jwts;
  }

  private static Caller caller() {
    return Caller.of(PeerPid.current())
        .orElseThrow(() ->
            Status.UNAUTHENTICATED.withDescription("the caller has gone").asRuntimeException());
  }

  @Override
  public void fetchX509SVID(X509SVIDRequest request, StreamObserver<X509SVIDResponse> to) {
    Caller caller = caller();
    Wire.stream(
        registry,
        to,
        () -> {
          List<Svid> svids = registry.svidsOf(caller);
          if (svids.isEmpty()) {
            throw noIdentity();
          }
          X509SVIDResponse.Builder answer =
              X509SVIDResponse.newBuilder().putAllFederatedBundles(bundles.federated());
          for (Svid svid : svids) {
            answer.addSvids(
                X509SVID
                    .newBuilder()
                    .setSpiffeId(svid.id().toString())
                    .setX509Svid(Wire.der(svid.chain()))
                    .setX509SvidKey(ByteString.copyFrom(svid.key().getEncoded()))
                    .setBundle(bundles.own())
                    .setHint(svid.hint()));
          }
          return answer.build();
        });
  }

  @Override
  public void fetchX509Bundles(X509BundlesRequest request, StreamObserver<X509BundlesResponse> to) {
    Wire.stream(
        registry, to, () -> X509BundlesResponse.newBuilder().putAllBundles(bundles.all()).build());
  }

  @Override
  public void fetchJWTSVID(JWTSVIDRequest request, StreamObserver<JWTSVIDResponse> to) {
    if (request.getAudienceCount() == 0) {
      to.onError(
          Status.INVALID_ARGUMENT
              .withDescription("audience must be specified")
              .asRuntimeException());
      return;
    }
    JWTSVIDResponse.Builder answer = JWTSVIDResponse.newBuilder();
    for (Entry entry : registry.entriesOf(caller())) {
      if (request.getSpiffeId().isEmpty() || request.getSpiffeId().equals(entry.id().toString())) {
        answer.addSvids(
            JWTSVID
                .newBuilder()
                .setSpiffeId(entry.id().toString())
                .setSvid(jwts.issue(entry.id(), request.getAudienceList(), entry.jwtLife()))
                .setHint(entry.hint()));
      }
    }
    if (answer.getSvidsCount() == 0) {
      to.onError(noIdentity());
      return;
    }
    to.onNext(answer.build());
    to.onCompleted();
  }

  @Override
  public void fetchJWTBundles(JWTBundlesRequest request, StreamObserver<JWTBundlesResponse> to) {
    Wire.stream(
        registry,
        to,
        () ->
            JWTBundlesResponse.newBuilder()
                .putBundles(bundles.domain().toIdString(), ByteString.copyFromUtf8(jwts.jwks()))
                .build());
  }

  private static RuntimeException noIdentity() {
    return Status.PERMISSION_DENIED.withDescription("no identity issued").asRuntimeException();
  }
}
