package io.exeat.flow;

import io.exeat.audit.AuditEvent;
import io.exeat.audit.AuditSink;
import io.exeat.revoke.Revoker;
import io.exeat.revoke.TargetVerifier.Mark;
import io.exeat.revoke.Unproven;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** Has it on record, once, when something is not proven dead for too long. Owned by one thread. */
final class Overdue {
  private final Revoker revoker;
  private final AuditSink audit;
  private Set<Mark> told = new HashSet<>();

  Overdue(Steps steps) {
    this.revoker = steps.revoker();
    this.audit = steps.audit();
  }

  /** Returns at once. */
  void tick() {
    List<Unproven> overdue = revoker.waiting().stream().filter(Unproven::isOverdue).toList();
    Set<Mark> still = new HashSet<>();
    for (Unproven each : overdue) {
      still.add(each.mark());
      if (!told.contains(each.mark())) {
        AuditEvent event =
            new AuditEvent.RevocationOverdue(each.mark().epoch(), each.age(), each.reason());
        Chains.onItsOwn(() -> audit.recordEnding(event));
      }
    }
    told = still;
  }
}
