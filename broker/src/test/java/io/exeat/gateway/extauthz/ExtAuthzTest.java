package io.exeat.gateway.extauthz;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.google.protobuf.ByteString;
import io.exeat.envoy.auth.AttributeContext;
import io.exeat.envoy.auth.AuthorizationGrpc;
import io.exeat.envoy.auth.CheckRequest;
import io.exeat.gateway.grpc.DoorParts;
import io.exeat.gateway.grpc.Limits;
import io.exeat.gateway.grpc.TlsDoorConfig;
import io.exeat.gateway.grpc.TlsFixture;
import io.exeat.gateway.grpc.UnixDoorConfig;
import io.exeat.gateway.grpc.UnixFixture;
import io.exeat.identity.IdPattern;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.health.v1.HealthCheckRequest;
import io.grpc.health.v1.HealthCheckResponse.ServingStatus;
import io.grpc.health.v1.HealthGrpc;
import io.spiffe.spiffeid.SpiffeId;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Who may ask at all. */
final class ExtAuthzTest {
  private static final SpiffeId ENVOY = SpiffeId.parse("spiffe://example.org/envoy");
  private static final IdPattern AGENTS = new IdPattern("spiffe://example.org/agent/*");

  private final UnixFixture unix = new UnixFixture();
  private final TlsFixture tls = new TlsFixture();
  private final FakeProxy proxy = new FakeProxy();

  @AfterEach
  void close() {
    unix.close();
    tls.close();
  }

  private ExtAuthz open(ExtAuthzConfig.Door door) throws Exception {
    return ExtAuthz.open(
        new ExtAuthzConfig(door, AGENTS, Optional.empty()),
        tls.tls,
        Optional.empty(),
        Upstreams::find,
        proxy,
        new DoorParts(unix.loops, unix.calls, unix.serving, Limits.DEFAULT));
  }

  private static int uid() throws Exception {
    return (Integer) Files.getAttribute(Path.of("/proc/self"), "unix:uid");
  }

  private static CheckRequest request(int bytes) {
    String body =
        "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"tools/call\",\"params\":{\"arguments\":{\"a\":\"%s\"},\"name\":\"find\"}}"
            .formatted("x".repeat(bytes));
    return CheckRequest.newBuilder()
        .setAttributes(
            AttributeContext.newBuilder()
                .setSource(
                    AttributeContext.Peer.newBuilder()
                        .setPrincipal("spiffe://example.org/agent/clerk"))
                .putContextExtensions("exeat-upstream", "tracker")
                .setRequest(
                    AttributeContext.Request.newBuilder()
                        .setHttp(
                            AttributeContext.HttpRequest.newBuilder()
                                .setMethod("POST")
                                .setPath("/mcp")
                                .putHeaders("content-type", "application/json")
                                .setSize(body.length())
                                .setRawBody(ByteString.copyFromUtf8(body)))))
        .build();
  }

  private static AuthorizationGrpc.AuthorizationBlockingStub stub(ManagedChannel channel) {
    return AuthorizationGrpc.newBlockingStub(channel).withDeadlineAfter(20, TimeUnit.SECONDS);
  }

  private static Status.Code refused(ManagedChannel channel) {
    return catchThrowableOfType(StatusRuntimeException.class, () -> stub(channel).check(request(1)))
        .getStatus()
        .getCode();
  }

  @Test
  void anEnvoyOfTheConfiguredUserIsAnsweredHowLargeTheBodyMayBe() throws Exception {
    try (ExtAuthz door =
        open(
            new ExtAuthzConfig.Door.Socket(
                new UnixDoorConfig(unix.socket, Optional.empty()), Set.of(uid())))) {
      assertThat(door.port()).isZero();
      assertThat(stub(unix.channel()).check(request(1)).hasOkResponse()).isTrue();
      assertThat(stub(unix.channel()).check(request(1_000_000)).hasOkResponse()).isTrue();
      assertThat(proxy.calls).hasSize(2);
    }
  }

  @Test
  void anyOtherUserIsRefusedAndNothingIsDecided() throws Exception {
    try (ExtAuthz door =
        open(
            new ExtAuthzConfig.Door.Socket(
                new UnixDoorConfig(unix.socket, Optional.empty()), Set.of(uid() + 1)))) {
      assertThat(door.port()).isZero();
      assertThat(refused(unix.channel())).isEqualTo(Status.Code.PERMISSION_DENIED);
      assertThat(proxy.calls).isEmpty();
    }
  }

  @Test
  void overMutualTlsOnlyTheNamedEnvoysGetThrough() throws Exception {
    try (ExtAuthz door =
        open(
            new ExtAuthzConfig.Door.Listen(
                new TlsDoorConfig(
                    new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
                    Set.of(),
                    Duration.ofMinutes(10),
                    TlsDoorConfig.AGE_GRACE),
                Set.of(ENVOY)))) {
      var envoy = tls.client(tls.authority.issue(ENVOY.toString()));
      assertThat(stub(tls.channel(door.port(), envoy)).check(request(1)).hasOkResponse()).isTrue();
      // An agent that could say whom it speaks for would be every agent.
      var agent = tls.client(tls.authority.issue("spiffe://example.org/agent/clerk"));
      assertThat(refused(tls.channel(door.port(), agent))).isEqualTo(Status.Code.UNAVAILABLE);
      assertThat(proxy.calls).hasSize(1);
    }
  }

  @Test
  void itIsServingWhenItIsWarmAndTheBrokerServes() throws Exception {
    unix.agents();
    unix.serving.set(true);
    ManagedChannel channel = unix.channel();
    StatusRuntimeException unknown =
        catchThrowableOfType(StatusRuntimeException.class, () -> health(channel));
    assertThat(unknown.getStatus().getCode()).isEqualTo(Status.Code.NOT_FOUND);

    Path socket = unix.directory.resolve("envoy").resolve("authz.sock");
    try (ExtAuthz door =
        open(
            new ExtAuthzConfig.Door.Socket(
                new UnixDoorConfig(socket, Optional.empty()), Set.of(uid())))) {
      assertThat(door.port()).isZero();
      assertThat(health(unix.channel(socket))).isEqualTo(ServingStatus.SERVING);
      unix.serving.set(false);
      assertThat(health(unix.channel(socket))).isEqualTo(ServingStatus.NOT_SERVING);
    }
  }

  /** Says where it is, and goes on when it may. */
  private static final class Held implements Supplier<WarmUp> {
    private final CountDownLatch begun = new CountDownLatch(1);
    private final CountDownLatch mayEnd = new CountDownLatch(1);

    @Override
    public WarmUp get() {
      begun.countDown();
      try {
        if (!mayEnd.await(20, TimeUnit.SECONDS)) {
          throw new IllegalStateException("nobody let it go on");
        }
      } catch (InterruptedException e) {
        throw new IllegalStateException(e);
      }
      return WarmUp.run(AGENTS);
    }
  }

  private ExtAuthz open(Path socket, Supplier<WarmUp> warming) {
    try {
      return ExtAuthz.open(
          new ExtAuthzConfig.Door.Socket(
              new UnixDoorConfig(socket, Optional.empty()), Set.of(uid())),
          tls.tls,
          new Gatekeeper(new Callers(AGENTS, Optional.empty()), Upstreams::find, proxy),
          new DoorParts(unix.loops, unix.calls, unix.serving, Limits.DEFAULT),
          warming);
    } catch (Exception e) {
      throw new CompletionException(e);
    }
  }

  @Test
  void nobodyCanCallAndItIsNotServingUntilItIsWarm() throws Exception {
    unix.agents();
    unix.serving.set(true);
    Path socket = unix.directory.resolve("envoy").resolve("authz.sock");
    Held warming = new Held();
    CompletableFuture<ExtAuthz> opening =
        CompletableFuture.supplyAsync(() -> open(socket, warming), unix.calls);
    assertThat(warming.begun.await(20, TimeUnit.SECONDS)).isTrue();
    // The broker serves agents at its other door; of this one nothing is known yet.
    StatusRuntimeException unknown =
        catchThrowableOfType(StatusRuntimeException.class, () -> health(unix.channel()));
    assertThat(unknown.getStatus().getCode()).isEqualTo(Status.Code.NOT_FOUND);
    assertThat(socket).doesNotExist();

    warming.mayEnd.countDown();
    try (ExtAuthz door = opening.get(20, TimeUnit.SECONDS)) {
      assertThat(door.warm().answers()).isPositive();
      assertThat(health(unix.channel(socket))).isEqualTo(ServingStatus.SERVING);
    }
  }

  @Test
  void whatDoesNotGetWarmDoesNotOpen() throws Exception {
    unix.agents();
    unix.serving.set(true);
    Path socket = unix.directory.resolve("envoy").resolve("authz.sock");
    assertThatThrownBy(() ->
            open(
                socket,
                () -> {
                  throw new IllegalStateException("warming up went another way");
                }))
        .hasMessageContaining("another way");
    StatusRuntimeException unknown =
        catchThrowableOfType(StatusRuntimeException.class, () -> health(unix.channel()));
    assertThat(unknown.getStatus().getCode()).isEqualTo(Status.Code.NOT_FOUND);
    assertThat(socket).doesNotExist();
  }

  @Test
  void theDoorThatAgentsFindHasWarmedUp() throws Exception {
    try (ExtAuthz door =
        open(
            new ExtAuthzConfig.Door.Socket(
                new UnixDoorConfig(unix.socket, Optional.empty()), Set.of(uid())))) {
      assertThat(door.warm().answers()).isEqualTo(200);
    }
  }

  private static ServingStatus health(ManagedChannel channel) {
    return HealthGrpc.newBlockingStub(channel)
        .withDeadlineAfter(20, TimeUnit.SECONDS)
        .check(HealthCheckRequest.newBuilder().setService(ExtAuthz.SERVICE).build())
        .getStatus();
  }
}
