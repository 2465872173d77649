package io.exeat.gateway.grpc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.exeat.base.TaskId;
import io.exeat.identity.Svid;
import io.exeat.identity.TestAuthority;
import io.exeat.v1.AdminGrpc;
import io.exeat.v1.ApprovalsGrpc;
import io.exeat.v1.GetRequest;
import io.exeat.v1.RevokeRequest;
import io.exeat.v1.StatusRequest;
import io.exeat.v1.TasksGrpc;
import io.exeat.v1.WaitingRequest;
import io.grpc.Channel;
import io.grpc.ClientInterceptors;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.netty.GrpcSslContexts;
import io.grpc.stub.MetadataUtils;
import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslContextBuilder;
import io.netty.handler.ssl.SslProvider;
import io.netty.handler.ssl.util.InsecureTrustManagerFactory;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class TlsDoorTest {

  private final TlsFixture fixture = new TlsFixture();

  @AfterEach
  void close() {
    fixture.close();
  }

  private static TasksGrpc.TasksBlockingStub tasks(ManagedChannel channel) {
    return UnixFixture.tasks(channel);
  }

  private ManagedChannel agent(TlsDoor door) {
    return fixture.channel(door, fixture.client(fixture.authority.issue(TlsFixture.AGENT)));
  }

  @Test
  void anAgentIsKnownByItsCertificateAndPresentWhileItsConnectionStands() throws Exception {
    TlsDoor door = fixture.open();
    ManagedChannel channel = agent(door);

    assertThat(tasks(channel).open(UnixFixture.open("k").build()).getAgent())
        .isEqualTo(TlsFixture.AGENT);
    assertThat(fixture.connections.open()).hasSize(1);
    channel.shutdownNow();
    await().untilAsserted(() -> assertThat(fixture.connections.open()).isEmpty());
  }

  @Test
  void aConnectionIsOfTheInstanceThatItsFirstCallNames() throws Exception {
    TlsDoor door = fixture.open();
    ManagedChannel channel = agent(door);
    String longest = "Ab_-9".repeat(12) + "abcd";
    UnixFixture.opened(named(channel, longest), "k");

    assertThat(fixture.connections.open().iterator().next().instance()).contains(longest);
    for (String other : List.of(longest + "e", "", "a b", "a/b", "other")) {
      assertThatThrownBy(() -> UnixFixture.opened(named(channel, other), "k2"))
          .as(other)
          .hasMessageStartingWith("INVALID_ARGUMENT")
          .hasMessageContaining("exeat-instance");
    }
    assertThat(fixture.flow.calls).hasSize(1);
  }

  private static Channel named(ManagedChannel channel, String instance) {
    Metadata headers = new Metadata();
    headers.put(Naming.INSTANCE, instance);
    return ClientInterceptors.intercept(
        channel, MetadataUtils.newAttachHeadersInterceptor(headers));
  }

  @Test
  void aConnectionWithoutCallsStandsForItShowsThatItsAgentIsThere() throws Exception {
    Limits impatient = new Limits(100, 64, 2048, Duration.ofSeconds(10), Duration.ofSeconds(1));
    ManagedChannel channel = agent(fixture.open(impatient, Duration.ofMinutes(10), 0));
    UnixFixture.opened(channel, "k");

    await()
        .during(Duration.ofSeconds(2))
        .atMost(Duration.ofSeconds(20))
        .until(() -> fixture.connections.open().size() == 1);
  }

  @Test
  void aClientOfAnotherAuthorityIsNotLetIn() throws Exception {
    TlsDoor door = fixture.open();
    Svid stranger = new TestAuthority("example.org").issue(TlsFixture.AGENT);

    assertThatThrownBy(
            () -> UnixFixture.opened(fixture.channel(door, fixture.client(stranger)), "k"))
        .hasMessageStartingWith("UNAVAILABLE");
    assertThat(fixture.flow.calls).isEmpty();
    assertThat(fixture.connections.open()).isEmpty();
  }

  @Test
  void anExpiredClientIsNotLetIn() throws Exception {
    TlsDoor door = fixture.open();
    Svid expired = fixture.authority.issue(TlsFixture.AGENT, -120, -60);

    assertThatThrownBy(
            () -> UnixFixture.opened(fixture.channel(door, fixture.client(expired)), "k"))
        .hasMessageStartingWith("UNAVAILABLE");
    assertThat(fixture.flow.calls).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(strings = {"TLSv1.2", "TLSv1.3"})
  void withoutACertificateOrWithOldTlsThereIsNoConnection(String version) throws Exception {
    TlsDoor door = fixture.open();
    Svid agent = fixture.authority.issue(TlsFixture.AGENT);
    SslContextBuilder builder =
        GrpcSslContexts.configure(SslContextBuilder.forClient(), SslProvider.JDK)
            .trustManager(InsecureTrustManagerFactory.INSTANCE)
            .endpointIdentificationAlgorithm(null)
            .protocols(version);
    if (version.equals("TLSv1.2")) {
      builder.keyManager(agent.key(), agent.chain());
    }

    assertThatThrownBy(() -> UnixFixture.opened(fixture.channel(door, builder.build()), "k"))
        .hasMessageStartingWith("UNAVAILABLE");
    assertThat(fixture.flow.calls).isEmpty();
  }

  @Test
  void aClientWhoseAuthorityIsTrustedNoMoreCannotComeBackByResumingItsSession() throws Exception {
    TlsDoor door = fixture.open();
    SslContext context = fixture.client(fixture.authority.issue(TlsFixture.AGENT));
    ManagedChannel first = fixture.channel(door, context);
    UnixFixture.opened(first, "k");
    first.shutdownNow();
    assertThat(first.awaitTermination(5, TimeUnit.SECONDS)).isTrue();

    fixture.identity.trust(new TestAuthority("example.org").certificate());
    fixture.flow.calls.clear();

    assertThatThrownBy(() -> UnixFixture.opened(fixture.channel(door, context), "k"))
        .hasMessageStartingWith("UNAVAILABLE");
    assertThat(fixture.flow.calls).isEmpty();
  }

  @Test
  void anOpenConnectionIsRefusedFromTheMomentItsAuthorityIsTrustedNoMore() throws Exception {
    TlsDoor door = fixture.open();
    ManagedChannel channel = agent(door);
    TaskId task = UnixFixture.opened(channel, "k");

    fixture.identity.trust(new TestAuthority("example.org").certificate());

    assertThatThrownBy(
            () -> tasks(channel).get(GetRequest.newBuilder().setTaskId(task.value()).build()))
        .hasMessageStartingWith("UNAUTHENTICATED");
    assertThat(fixture.flow.calls).containsExactly("open refund k");
  }

  @Test
  void anOpenConnectionIsRefusedFromTheMomentItsSvidExpires() throws Exception {
    TlsDoor door = fixture.open();
    ManagedChannel channel =
        fixture.channel(door, fixture.client(fixture.authority.issue(TlsFixture.AGENT, -60, 3)));
    TaskId task = UnixFixture.opened(channel, "k");
    GetRequest get = GetRequest.newBuilder().setTaskId(task.value()).build();

    await()
        .atMost(Duration.ofSeconds(10))
        .untilAsserted(() ->
            assertThatThrownBy(() -> tasks(channel).get(get))
                .hasMessageStartingWith("UNAUTHENTICATED"));
  }

  @Test
  void onlyAConfiguredOperatorIsOne() throws Exception {
    TlsDoor door = fixture.open();
    RevokeRequest revoke = RevokeRequest.newBuilder().setAll(true).build();

    assertThatThrownBy(() -> AdminGrpc.newBlockingStub(agent(door)).revoke(revoke))
        .hasMessageStartingWith("PERMISSION_DENIED");
    assertThat(fixture.flow.calls).isEmpty();

    var operator =
        AdminGrpc.newBlockingStub(
            fixture.channel(door, fixture.client(fixture.authority.issue(TlsFixture.OPERATOR))));
    var _ = operator.status(StatusRequest.getDefaultInstance());
    assertThat(fixture.flow.calls).containsExactly("status by " + TlsFixture.OPERATOR);
  }

  @Test
  void whoeverHasAnSvidIsKnownByItWhenItSaysYes() throws Exception {
    TlsDoor door = fixture.open();
    ManagedChannel operator =
        fixture.channel(door, fixture.client(fixture.authority.issue(TlsFixture.OPERATOR)));

    var _ = ApprovalsGrpc.newBlockingStub(agent(door)).waiting(WaitingRequest.getDefaultInstance());
    var _ = ApprovalsGrpc.newBlockingStub(operator).waiting(WaitingRequest.getDefaultInstance());

    assertThat(fixture.flow.calls)
        .containsExactly(
            "waiting for " + TlsFixture.AGENT, "waiting for " + TlsFixture.OPERATOR + ", operator");
  }

  @Test
  void rotationOfBothSidesAndTheAgeOfConnectionsLoseNoCall() throws Exception {
    TlsDoor door = fixture.open(Limits.DEFAULT, Duration.ofMillis(700), 0);
    var clientIdentity =
        new io.exeat.identity.TestIdentity(
            fixture.authority.issue(TlsFixture.AGENT), fixture.authority.certificate());
    SslContext context =
        new io.exeat.identity.SpiffeTls(clientIdentity, io.exeat.identity.TestTime.real())
            .client(TlsFixture.BROKER::equals);
    ManagedChannel channel = fixture.channel(door, context);
    TaskId task = UnixFixture.opened(channel, "k");
    GetRequest get = GetRequest.newBuilder().setTaskId(task.value()).build();
    AtomicBoolean stop = new AtomicBoolean();
    AtomicInteger served = new AtomicInteger();
    List<Throwable> lost = new CopyOnWriteArrayList<>();
    List<Thread> load =
        java.util.stream.IntStream.range(0, 4)
            .mapToObj(i ->
                Thread.startVirtualThread(() -> {
                  while (!stop.get()) {
                    try {
                      var _ = tasks(channel).get(get);
                      served.incrementAndGet();
                    } catch (RuntimeException e) {
                      lost.add(e);
                    }
                  }
                }))
            .toList();

    AtomicInteger rotations = new AtomicInteger();
    await()
        .atMost(Duration.ofSeconds(20))
        .pollInterval(Duration.ofMillis(200))
        .until(() -> {
          fixture.identity.rotate(fixture.authority.issue(TlsFixture.BROKER.toString()));
          clientIdentity.rotate(fixture.authority.issue(TlsFixture.AGENT));
          return rotations.incrementAndGet() >= 15;
        });
    stop.set(true);
    for (Thread thread : load) {
      thread.join();
    }

    assertThat(lost).isEmpty();
    assertThat(served.get()).isGreaterThan(100);
    long connections =
        fixture.flow.peers.stream()
            .map(peer -> ((io.exeat.attest.Peer.Tls) peer).connection())
            .distinct()
            .count();
    assertThat(connections).isGreaterThan(1);
  }

  @Test
  void oneIdentityHasItsShareOfConnections() throws Exception {
    TlsDoor door =
        fixture.open(
            new Limits(100, 2, 2048, Duration.ofSeconds(10), Duration.ofMinutes(5)),
            Duration.ofMinutes(5),
            0);
    SslContext context = fixture.client(fixture.authority.issue(TlsFixture.AGENT));
    ManagedChannel first = fixture.channel(door, context);
    UnixFixture.opened(first, "k1");
    UnixFixture.opened(fixture.channel(door, context), "k2");

    assertThatThrownBy(() -> UnixFixture.opened(fixture.channel(door, context), "k3"))
        .hasMessageStartingWith("RESOURCE_EXHAUSTED")
        .hasMessageContaining("the limit of 2 connections");
    assertThatCode(() -> UnixFixture.opened(first, "k4")).doesNotThrowAnyException();
    assertThat(fixture.connections.open()).hasSize(2);
  }
}
