package io.exeat.kube;

import com.fasterxml.jackson.databind.JsonNode;

/** As whom a container runs. */
final class Uids {
  private Uids() {}

  /** The container's, else the pod's; -1 when only the image knows. */
  static long of(JsonNode container, JsonNode spec) {
    JsonNode own = container.path("securityContext").path("runAsUser");
    JsonNode uid = own.isMissingNode() ? spec.path("securityContext").path("runAsUser") : own;
    return uid.isIntegralNumber() && uid.canConvertToInt() ? uid.asLong() : -1;
  }
}
