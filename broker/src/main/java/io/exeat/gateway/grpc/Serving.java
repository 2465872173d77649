package io.exeat.gateway.grpc;

import io.exeat.v1.AdminGrpc;
import io.exeat.v1.ApprovalsGrpc;
import io.exeat.v1.CredentialsGrpc;
import io.exeat.v1.DecisionsGrpc;
import io.exeat.v1.TasksGrpc;
import io.grpc.ServerServiceDefinition;
import io.grpc.health.v1.HealthCheckResponse.ServingStatus;
import io.grpc.protobuf.services.HealthStatusManager;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;

/**
 * What gRPC's health service answers on every door: NOT_SERVING until the broker says otherwise.
 */
public final class Serving {

  private static final List<String> SERVICES =
      List.of(
          HealthStatusManager.SERVICE_NAME_ALL_SERVICES,
          TasksGrpc.SERVICE_NAME,
          CredentialsGrpc.SERVICE_NAME,
          DecisionsGrpc.SERVICE_NAME,
          ApprovalsGrpc.SERVICE_NAME,
          AdminGrpc.SERVICE_NAME);

  private final HealthStatusManager health = new HealthStatusManager();

  private final List<String> services = new CopyOnWriteArrayList<>(SERVICES);
  private volatile boolean now;

  public Serving() {
    set(false);
  }

  /** One more service, which can be served from now on when agents can. */
  public void add(String service) {
    services.add(service);
    set(now);
  }

  /** Whether agents can be served now. */
  public void set(boolean serving) {
    now = serving;
    ServingStatus status = serving ? ServingStatus.SERVING : ServingStatus.NOT_SERVING;
    services.forEach(service -> health.setStatus(service, status));
    // An operator can always end things.
    health.setStatus(AdminGrpc.SERVICE_NAME, ServingStatus.SERVING);
  }

  /** NOT_SERVING for good; watchers of the health are told. */
  public void stop() {
    health.enterTerminalState();
  }

  ServerServiceDefinition service() {
    return health.getHealthService().bindService();
  }
}
