package io.exeat.gateway.grpc;

import io.exeat.gateway.AgentDoorContract;
import io.exeat.gateway.FakeFlow;
import io.grpc.ManagedChannel;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;

/** An agent that brings its own X.509-SVID. */
final class MutualTlsTest extends AgentDoorContract {

  private final TlsFixture fixture = new TlsFixture();
  private TlsDoor door;

  @BeforeEach
  void open() throws Exception {
    door = fixture.open();
  }

  @AfterEach
  void close() {
    fixture.close();
  }

  @Override
  protected ManagedChannel agent() {
    return fixture.channel(door, fixture.client(fixture.authority.issue(TlsFixture.AGENT)));
  }

  @Override
  protected FakeFlow flow() {
    return fixture.flow;
  }
}
