package io.exeat.audit;

import io.exeat.base.Durable;
import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import io.exeat.base.TaskId;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * A chain without a disk, which tells its story: {@code audit task.opened}, one line a record; what
 * was refused is not in it.
 */
public final class InMemoryAudit implements AuditSink {
  private final Consumer<String> story;
  private final List<AuditEvent> events = new ArrayList<>();
  private final List<AuditEvent> late = new ArrayList<>();
  private Optional<String> problem = Optional.empty();

  public InMemoryAudit() {
    this(_ -> {});
  }

  /**
   * @param story gets one line a record, in order
   */
  public InMemoryAudit(Consumer<String> story) {
    this.story = story;
  }

  /** From now on nothing can be written: events are refused, endings wait in memory. */
  public synchronized void breakDown(String why) {
    problem = Optional.of(why);
  }

  /** What waited is written, and events are taken again. */
  public synchronized void mend() {
    problem = Optional.empty();
    late.forEach(this::append);
    late.clear();
  }

  /** What is in the chain, oldest first. */
  public synchronized List<AuditEvent> events() {
    return List.copyOf(events);
  }

  /** What waits in memory, oldest first. */
  public synchronized List<AuditEvent> late() {
    return List.copyOf(late);
  }

  @Override
  public synchronized Durable begin(AuditEvent event) {
    if (problem.isPresent()) {
      throw new FaultException(
          new Fault.Unavailable(Fault.Dependency.AUDIT, problem.get(), Duration.ofSeconds(1)));
    }
    append(event);
    return () -> {};
  }

  @Override
  public synchronized void recordEnding(AuditEvent event) {
    if (problem.isPresent()) {
      late.add(event);
    } else {
      append(event);
    }
  }

  @Override
  public void recordSoon(AuditEvent event) {
    recordEnding(event);
  }

  @Override
  public synchronized List<AuditEvent.ReceiptSigned> receipts(TaskId task, int most) {
    List<AuditEvent.ReceiptSigned> all =
        events.stream()
            .filter(AuditEvent.ReceiptSigned.class::isInstance)
            .map(AuditEvent.ReceiptSigned.class::cast)
            .filter(event -> event.epoch().task().equals(task))
            .toList();
    return all.subList(Math.max(0, all.size() - most), all.size());
  }

  @Override
  public synchronized Optional<String> problem() {
    return problem;
  }

  @Override
  public void close() {}

  private void append(AuditEvent event) {
    events.add(event);
    story.accept("audit " + event.kind());
  }
}
