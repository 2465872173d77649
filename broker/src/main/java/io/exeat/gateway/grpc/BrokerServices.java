package io.exeat.gateway.grpc;

import io.exeat.flow.AgentRequests;
import io.exeat.flow.OperatorRequests;
import io.grpc.ServerServiceDefinition;
import java.util.List;

/** What a door serves when the broker is in this process. */
public final class BrokerServices {

  private BrokerServices() {}

  /** {@code exeat.v1.Tasks} and {@code Credentials}. */
  public static Served forAgents(AgentRequests flow) {
    return new Served(
        List.of(
            Messages.service(new TasksService(flow).bindService()),
            Messages.service(new CredentialsService(flow).bindService())),
        true);
  }

  static ServerServiceDefinition forOperators(OperatorRequests flow, Operators operators) {
    return Messages.service(new AdminService(flow, operators).bindService());
  }
}
