package io.exeat.identity;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import com.google.protobuf.ByteString;
import io.exeat.base.FaultException;
import io.exeat.identity.development.DevelopmentAuthority;
import io.exeat.identity.development.DevelopmentConfig;
import io.exeat.identity.workload.WorkloadIdentity;
import io.exeat.spiffe.workload.SpiffeWorkloadAPIGrpc;
import io.exeat.spiffe.workload.X509SVID;
import io.exeat.spiffe.workload.X509SVIDRequest;
import io.exeat.spiffe.workload.X509SVIDResponse;
import io.grpc.Context;
import io.grpc.Server;
import io.grpc.Status;
import io.grpc.netty.NettyServerBuilder;
import io.grpc.stub.StreamObserver;
import io.netty.channel.epoll.EpollServerDomainSocketChannel;
import io.netty.channel.unix.DomainSocketAddress;
import io.spiffe.spiffeid.SpiffeId;
import io.spiffe.spiffeid.TrustDomain;
import java.io.IOException;
import java.nio.file.Path;
import java.security.cert.CertificateEncodingException;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.LinkedBlockingDeque;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.NullMarked;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What SPIRE was seen to do, and what it might, in the order that the test says. */
@NullMarked
@SuppressWarnings("NullAway.Init") // JUnit sets these
final class WatchTest {
  private static final SpiffeId OWN = SpiffeIds.parse("id", "spiffe://td/broker");
  private static final SpiffeId AGENT = SpiffeIds.parse("id", "spiffe://td/agent");

  @TempDir Path directory;
  private SpiffeTransport transport;
  private DevelopmentAuthority keys;
  private Scripted service;
  private Server server;
  private WorkloadIdentity source;

  /** Streams wait for the test to answer them. */
  private static final class Scripted extends SpiffeWorkloadAPIGrpc.SpiffeWorkloadAPIImplBase {
    final LinkedBlockingDeque<StreamObserver<X509SVIDResponse>> streams =
        new LinkedBlockingDeque<>();

    @Override
    public void fetchX509SVID(X509SVIDRequest request, StreamObserver<X509SVIDResponse> to) {
      streams.add(to);
    }

    StreamObserver<X509SVIDResponse> next() throws InterruptedException {
      StreamObserver<X509SVIDResponse> stream = streams.poll(7, TimeUnit.SECONDS);
      if (stream == null) {
        throw new AssertionError("the stream was not asked for again");
      }
      return stream;
    }
  }

  @BeforeEach
  void begin() throws IOException {
    transport = new SpiffeTransport();
    keys =
        new DevelopmentAuthority(
            new DevelopmentConfig(
                directory.resolve("keys"), TrustDomain.parse("td"), Set.of(), List.of()),
            transport,
            TestTime.real());
    service = new Scripted();
    Path socket = directory.resolve("api.sock");
    server =
        NettyServerBuilder.forAddress(new DomainSocketAddress(socket.toFile()))
            .channelType(EpollServerDomainSocketChannel.class)
            .bossEventLoopGroup(transport.loop())
            .workerEventLoopGroup(transport.loop())
            .directExecutor()
            .addService(service)
            .build()
            .start();
    source = identity();
  }

  private WorkloadIdentity identity() {
    return new WorkloadIdentity(
        new IdentityConfig(directory.resolve("api.sock"), OWN, "", Duration.ofMillis(500)),
        transport,
        TestTime.real());
  }

  @AfterEach
  void end() {
    source.close();
    var _ = server.shutdownNow();
    transport.close();
  }

  private X509SVID svid(SpiffeId id, String hint) throws CertificateEncodingException {
    Svid svid = keys.issue(id, Duration.ofHours(1));
    return X509SVID
        .newBuilder()
        .setSpiffeId(id.toString())
        .setX509Svid(ByteString.copyFrom(svid.leaf().getEncoded()))
        .setX509SvidKey(ByteString.copyFrom(svid.key().getEncoded()))
        .setBundle(ByteString.copyFrom(keys.authority().getEncoded()))
        .setHint(hint)
        .build();
  }

  private static X509SVIDResponse answer(X509SVID... svids) {
    return X509SVIDResponse.newBuilder().addAllSvids(List.of(svids)).build();
  }

  private void awaitOwn() {
    await()
        .ignoreExceptionsInstanceOf(FaultException.class)
        .until(() -> source.svid().id().equals(OWN));
  }

  private void awaitNone() {
    await()
        .untilAsserted(() -> assertThatThrownBy(source::svid).isInstanceOf(FaultException.class));
  }

  @Test
  void theOwnSvidIsPickedByItsIdInWhateverOrder() throws Exception {
    StreamObserver<X509SVIDResponse> stream = service.next();
    stream.onNext(answer(svid(AGENT, "agent"), svid(OWN, "broker")));
    awaitOwn();
    Svid first = source.svid();
    stream.onNext(answer(svid(OWN, "broker"), svid(AGENT, "agent")));
    await().until(() -> !source.svid().equals(first));

    assertThat(source.svid().id()).isEqualTo(OWN);
    assertThat(source.svids(AGENT, "agent")).hasSize(1);
  }

  @Test
  void twoOfTheSameIdAreNone() throws Exception {
    service.next().onNext(answer(svid(OWN, "a"), svid(OWN, "b"), svid(AGENT, "")));

    await().until(() -> source.svids(AGENT, "").size() == 1);
    assertThatThrownBy(source::svid)
        .hasMessageContaining("2 of spiffe://td/broker, with the hints [a, b]: set spiffe.hint");
    assertThat(source.svids(OWN, "")).hasSize(2);
    assertThat(source.svids(OWN, "b")).singleElement().extracting(Svid::hint).isEqualTo("b");
    assertThat(source.svids(OWN, "c")).isEmpty();
  }

  @Test
  void anEmptyListDropsTheIdentityAndTheStreamGoesOn() throws Exception {
    StreamObserver<X509SVIDResponse> stream = service.next();
    stream.onNext(answer(svid(OWN, "")));
    awaitOwn();
    stream.onNext(answer());
    awaitNone();
    stream.onNext(answer(svid(OWN, "")));
    awaitOwn();
  }

  @Test
  void aMalformedSvidIsLeftOutAndTheOthersAreTaken() throws Exception {
    X509SVID good = svid(OWN, "");
    service
        .next()
        .onNext(
            answer(
                svid(AGENT, "").toBuilder().setX509SvidKey(good.getX509SvidKey()).build(),
                svid(AGENT, "").toBuilder().setX509Svid(ByteString.copyFromUtf8("junk")).build(),
                svid(AGENT, "").toBuilder().setSpiffeId("spiffe://td/other").build(),
                good));

    awaitOwn();
    assertThat(source.svids(AGENT, "")).isEmpty();
  }

  @Test
  void permissionDeniedDropsTheIdentityAndIsAskedAgain() throws Exception {
    StreamObserver<X509SVIDResponse> stream = service.next();
    stream.onNext(answer(svid(OWN, "")));
    awaitOwn();
    stream.onError(Status.PERMISSION_DENIED.asRuntimeException());
    awaitNone();
    service.next().onNext(answer(svid(OWN, "")));
    awaitOwn();
  }

  @Test
  void anEndWithoutErrorIsAskedAgain() throws Exception {
    StreamObserver<X509SVIDResponse> stream = service.next();
    stream.onNext(answer(svid(OWN, "")));
    awaitOwn();
    Svid before = source.svid();
    stream.onCompleted();
    StreamObserver<X509SVIDResponse> again = service.next();
    assertThat(source.svid()).isEqualTo(before);
    again.onNext(answer(svid(OWN, "")));
    await().until(() -> !source.svid().equals(before));
  }

  /** A call of gRPC's that wanted the identity first: its end is none of the stream's. */
  @Test
  void theEndOfTheCallThatBeganItEndsNoStream() throws Exception {
    var _ = service.next();
    Context.CancellableContext call = Context.current().withCancellation();
    try (WorkloadIdentity begun = call.call(this::identity)) {
      service.next().onNext(answer(svid(OWN, "")));
      await()
          .ignoreExceptionsInstanceOf(FaultException.class)
          .until(() -> begun.svid().id().equals(OWN));
      var _ = call.cancel(null);
      assertThat(service.streams.poll(1, TimeUnit.SECONDS)).isNull();
    }
  }

  @Test
  void aLostConnectionKeepsTheIdentity() throws Exception {
    service.next().onNext(answer(svid(OWN, "")));
    awaitOwn();
    Svid before = source.svid();
    server.shutdownNow();
    assertThat(server.awaitTermination(5, TimeUnit.SECONDS)).isTrue();
    assertThat(source.svid()).isEqualTo(before);
  }

  @Test
  void whatCannotWorkIsNotAskedAgain() throws Exception {
    service.next().onError(Status.UNIMPLEMENTED.asRuntimeException());

    assertThat(service.streams.poll(2, TimeUnit.SECONDS)).isNull();
    assertThatThrownBy(source::await).isInstanceOf(FaultException.class);
  }
}
