package io.exeat.flow;

import io.exeat.audit.AuditEvent;
import io.exeat.audit.AuditSink;
import io.exeat.base.FaultException;
import io.exeat.base.InRequest;
import io.exeat.base.RequestId;
import io.exeat.base.Time;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;

/**
 * The record of refusals and of decisions that permitted nothing. Nothing happened, so nobody waits
 * for it and it never takes the room of what did: of each caller so many a minute are written, the
 * others are counted in the chain.
 */
final class Refusals {
  /** How many of one caller's are written one by one. */
  static final int EACH_A_MINUTE = 100;

  /** How often it is written how many were not, at most. */
  static final Duration TOLD_EVERY = Duration.ofSeconds(10);

  private static final int WAITING = 1_000;
  private static final int CALLERS = 1_000;

  private final AuditSink audit;
  private final Figures figures;
  private final Time time;
  private final BlockingQueue<Refusal> waiting = new ArrayBlockingQueue<>(WAITING);
  private final AtomicLong skipped = new AtomicLong();
  private final AtomicBoolean writing = new AtomicBoolean();
  private final Map<String, Bucket> callers = new HashMap<>();
  private volatile long tellAt;

  private record Refusal(RequestId request, AuditEvent event) {}

  Refusals(AuditSink audit, Figures figures, Time time) {
    this.audit = audit;
    this.figures = figures;
    this.time = time;
    this.tellAt = time.after(TOLD_EVERY);
  }

  /** Has it written soon; returns at once. */
  void add(String caller, AuditEvent event) {
    if (event instanceof AuditEvent.Refused it) {
      figures.refused(it.fault());
    }
    if (mayBeWritten(caller) && waiting.offer(new Refusal(InRequest.current(), event))) {
      writeSoon();
    } else {
      skipped.incrementAndGet();
    }
  }

  /** Writes how many were skipped, when it is time to; returns at once. */
  void tick() {
    if (skipped.get() > 0 && time.reached(tellAt)) {
      writeSoon();
    }
  }

  private synchronized boolean mayBeWritten(String caller) {
    if (callers.size() >= CALLERS && !callers.containsKey(caller)) {
      callers.clear(); // at worst some get their minute's worth anew
    }
    Bucket bucket = callers.computeIfAbsent(caller, it -> new Bucket(time));
    boolean may = bucket.untilNext(EACH_A_MINUTE).isZero();
    if (may) {
      bucket.take();
    }
    return may;
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
      if (time.reached(tellAt)) {
        tellAt = time.after(TOLD_EVERY);
        long missed = skipped.getAndSet(0);
        if (missed > 0) {
          write(InRequest.current(), new AuditEvent.RefusalsSkipped(missed), missed);
        }
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
