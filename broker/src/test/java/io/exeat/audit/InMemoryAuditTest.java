package io.exeat.audit;

import java.util.List;

final class InMemoryAuditTest extends AuditContract {
  @Override
  protected AuditSink fresh() {
    return new InMemoryAudit();
  }

  @Override
  protected List<String> kinds(AuditSink sink) {
    return ((InMemoryAudit) sink).events().stream().map(AuditEvent::kind).toList();
  }

  @Override
  protected void breakDown(AuditSink sink) {
    ((InMemoryAudit) sink).breakDown("broken by the test");
  }

  @Override
  protected void mend(AuditSink sink) {
    ((InMemoryAudit) sink).mend();
  }
}
