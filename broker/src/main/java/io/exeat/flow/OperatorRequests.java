package io.exeat.flow;

import io.spiffe.spiffeid.SpiffeId;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/** What operators ask; the promises are those of {@code exeat/v1/admin.proto}. */
public interface OperatorRequests {
  /** Newest first. */
  List<TaskView> list(Operator operator, Optional<SpiffeId> agent, boolean ended, int limit);

  /**
   * Ends what is named; always accepted. Returns within {@code within} with what is proven until
   * then.
   */
  Revoked revoke(Operator operator, Named named, String reason, Duration within);

  Status status(Operator operator);
}
