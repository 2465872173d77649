package io.exeat.identity.development;

import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import io.exeat.identity.Svid;
import io.exeat.spiffe.broker.APIGrpc;
import io.exeat.spiffe.broker.FetchJWTSVIDRequest;
import io.exeat.spiffe.broker.FetchJWTSVIDResponse;
import io.exeat.spiffe.broker.JWTSVID;
import io.exeat.spiffe.broker.SubscribeToX509BundlesRequest;
import io.exeat.spiffe.broker.SubscribeToX509BundlesResponse;
import io.exeat.spiffe.broker.SubscribeToX509SVIDRequest;
import io.exeat.spiffe.broker.SubscribeToX509SVIDResponse;
import io.exeat.spiffe.broker.WorkloadPIDReference;
import io.exeat.spiffe.broker.WorkloadReference;
import io.exeat.spiffe.broker.X509SVID;
import io.grpc.Status;
import io.grpc.stub.StreamObserver;

/**
 * The SPIFFE Broker API, with SPIRE's ways: an empty list for a process without an entry, a stream
 * that goes on after the process has died, the {@code spiffe_id} filter ignored.
 */
final class BrokerService extends APIGrpc.APIImplBase {
  private final Bundles bundles;
  private final Registry registry;
  private final JwtAuthority jwts;

  BrokerService(Bundles bundles, Registry registry, JwtAuthority jwts) {
    this.bundles = bundles;
    this.registry = registry;
    this.jwts = jwts;
  }

  private static Caller referenced(WorkloadReference reference) {
    if (!reference.getReference().is(WorkloadPIDReference.class)) {
      throw Status.PERMISSION_DENIED
          .withDescription("reference type is not allowed")
          .asRuntimeException();
    }
    try {
      int pid = reference.getReference().unpack(WorkloadPIDReference.class).getPid();
      return Caller.of(pid)
          .orElseThrow(
              () -> Status.INTERNAL.withDescription("process does not exist").asRuntimeException());
    } catch (InvalidProtocolBufferException e) {
      throw Status.INVALID_ARGUMENT.withDescription("malformed reference").asRuntimeException();
    }
  }

  @Override
  public void subscribeToX509SVID(
      SubscribeToX509SVIDRequest request, StreamObserver<SubscribeToX509SVIDResponse> to) {
    Caller workload = referenced(request.getReference());
    Wire.stream(
        registry,
        to,
        () -> {
          SubscribeToX509SVIDResponse.Builder answer =
              SubscribeToX509SVIDResponse.newBuilder().putAllFederatedBundles(bundles.federated());
          for (Svid svid : registry.svidsOf(workload)) {
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
  public void subscribeToX509Bundles(
      SubscribeToX509BundlesRequest request, StreamObserver<SubscribeToX509BundlesResponse> to) {
    var _ = referenced(request.getReference());
    Wire.stream(
        registry,
        to,
        () -> SubscribeToX509BundlesResponse.newBuilder().putAllBundles(bundles.all()).build());
  }

  @Override
  public void fetchJWTSVID(FetchJWTSVIDRequest request, StreamObserver<FetchJWTSVIDResponse> to) {
    FetchJWTSVIDResponse.Builder answer = FetchJWTSVIDResponse.newBuilder();
    for (Entry entry : registry.entriesOf(referenced(request.getReference()))) {
      answer.addSvids(
          JWTSVID
              .newBuilder()
              .setSpiffeId(entry.id().toString())
              .setSvid(jwts.issue(entry.id(), request.getAudienceList(), entry.jwtLife()))
              .setHint(entry.hint()));
    }
    to.onNext(answer.build());
    to.onCompleted();
  }
}
