package io.exeat.gateway.grpc;

import io.exeat.gateway.AgentDoorContract;
import io.exeat.gateway.FakeFlow;
import io.grpc.ManagedChannel;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;

final class AllInOneTest extends AgentDoorContract {

  private final UnixFixture fixture = new UnixFixture();

  @BeforeEach
  void open() throws Exception {
    fixture.agents();
  }

  @AfterEach
  void close() {
    fixture.close();
  }

  @Override
  protected ManagedChannel agent() {
    return fixture.channel();
  }

  @Override
  protected FakeFlow flow() {
    return fixture.flow;
  }
}
