package io.exeat.app;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.exeat.gateway.grpc.TlsDoor;
import io.exeat.gateway.grpc.TlsFixture;
import io.exeat.identity.SpiffeTls;
import io.exeat.identity.TestIdentity;
import io.exeat.identity.TestTime;
import io.exeat.v1.AdminGrpc;
import io.exeat.v1.RevokeRequest;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.io.IOException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Whom an operator's command believes over TCP. */
final class SocketDoorsTest {
  private final TlsFixture broker = new TlsFixture();
  private TlsDoor door;
  private ManagedChannel channel;

  @BeforeEach
  void open() throws IOException {
    door = broker.open();
    SpiffeTls operator =
        new SpiffeTls(
            new TestIdentity(
                broker.authority.issue(TlsFixture.OPERATOR), broker.authority.certificate()),
            TestTime.real());
    channel = SocketDoors.to("127.0.0.1", door.port(), TlsFixture.BROKER, operator, broker.loops);
  }

  @AfterEach
  void close() {
    channel.shutdownNow();
    broker.close();
  }

  private void revokeAll() {
    var _ =
        AdminGrpc.newBlockingStub(channel)
            .withDeadlineAfter(10, TimeUnit.SECONDS)
            .revoke(RevokeRequest.newBuilder().setAll(true).build());
  }

  @Test
  void theBrokerThatWasNamedIsAsked() {
    revokeAll();

    assertThat(broker.flow.calls).hasSize(1);
  }

  @Test
  void anAgentAtTheBrokersAddressIsNotBelieved() {
    broker.identity.rotate(broker.authority.issue(TlsFixture.AGENT));

    assertThatThrownBy(this::revokeAll)
        .isInstanceOfSatisfying(
            StatusRuntimeException.class,
            e -> assertThat(e.getStatus().getCode()).isEqualTo(Status.Code.UNAVAILABLE));
    assertThat(broker.flow.calls).isEmpty();
  }
}
