package io.exeat.gateway.grpc;

import io.exeat.attest.Peer;
import io.exeat.flow.AgentRequests;
import io.exeat.flow.OperatorRequests;
import io.grpc.ServerServiceDefinition;
import java.util.List;
import java.util.function.Predicate;

/** What a door serves when the broker is in this process. */
public final class BrokerServices {

  private BrokerServices() {}

  /** {@code exeat.v1.Tasks}, {@code Credentials} and {@code Decisions}. */
  public static Served forAgents(AgentRequests flow) {
    return forAgents(flow, peer -> false);
  }

  /**
   * The same, where reading need not always go to a thread of its own.
   *
   * @param known whether a peer is attested from memory just now: {@link
   *     io.exeat.attest.Attestor#knows}
   */
  public static Served forAgents(AgentRequests flow, Predicate<Peer> known) {
    return new Served(
        List.of(
            Messages.service(new TasksService(flow).bindService()),
            Messages.service(new CredentialsService(flow).bindService()),
            Messages.service(new DecisionsService(flow).bindService())),
        known,
        peer -> flow.judgesFromMemory() && known.test(peer),
        Limits.MESSAGE_BYTES);
  }

  /** {@code exeat.v1.Admin} and {@code Approvals}. */
  static List<ServerServiceDefinition> forOperators(
      OperatorRequests flow, Operators operators, Approvers approvers) {
    return List.of(
        Messages.service(new AdminService(flow, operators).bindService()),
        Messages.service(new ApprovalsService(flow, approvers).bindService()));
  }
}
