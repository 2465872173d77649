package io.exeat.flow;

import io.exeat.audit.AuditEvent;
import io.exeat.audit.AuditSink;
import io.exeat.base.FaultException;
import io.exeat.base.InRequest;
import io.exeat.base.RequestId;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;

/**
 * The record of refusals and of decisions that permitted nothing. Nothing happened, so nobody waits
 * for it and it never takes the room of what did: who floods the door fills a queue, and what did
 * not fit is counted in the chain.
 */
final class Refusals {
  private static final int WAITING = 1_000;

  private final AuditSink audit;
  private final BlockingQueue<Refusal> waiting = new ArrayBlockingQueue<>(WAITING);
  private final AtomicLong skipped = new AtomicLong();
  private final AtomicBoolean writing = new AtomicBoolean();

  private record Refusal(RequestId request, AuditEvent event) {}

  Refusals(AuditSink audit) {
    this.audit = audit;
  }

  /** Has it written soon; returns at once. */
  void add(AuditEvent event) {
    if (!waiting.offer(new Refusal(InRequest.current(), event))) {
      skipped.incrementAndGet();
    }
    writeSoon();
  }

  private void writeSoon() {
    if (writing.compareAndSet(false, true)) {
      Thread.ofVirtual().name("refusals").start(this::write);
    }
  }

  private void write() {
    try {
      for (Refusal next = waiting.poll(); next != null; next = waiting.poll()) {
        Refusal refusal = next;
        write(refusal.request(), refusal.event(), 1);
      }
      long missed = skipped.getAndSet(0);
      if (missed > 0) {
        write(InRequest.current(), new AuditEvent.RefusalsSkipped(missed), missed);
      }
    } finally {
      writing.set(false);
    }
    if (!waiting.isEmpty()) {
      writeSoon();
    }
  }

  private void write(RequestId request, AuditEvent event, long stands) {
    try {
      InRequest.call(
          request,
          () -> {
            audit.record(event);
            return request;
          });
    } catch (FaultException e) { // the disk is away; how many it missed is told when it is back
      skipped.addAndGet(stands);
    }
  }
}
