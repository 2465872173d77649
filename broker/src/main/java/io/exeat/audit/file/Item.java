package io.exeat.audit.file;

import io.exeat.audit.AuditEvent;
import io.exeat.base.RequestId;
import java.time.Instant;

/** An event with when and why it came, so that it can be written later as well. */
final class Item {
  private final AuditEvent event;
  private final Instant at;
  private final RequestId request;
  private final boolean ending;
  private final byte[] fields;

  /** Its line is made here, on the caller's thread: the writer's has the disk to wait for. */
  Item(AuditEvent event, Instant at, RequestId request, boolean ending) {
    this(event, at, request, ending, EventText.of(event, at, request, false));
  }

  private Item(AuditEvent event, Instant at, RequestId request, boolean ending, byte[] fields) {
    this.event = event;
    this.at = at;
    this.request = request;
    this.ending = ending;
    this.fields = fields;
  }

  boolean ending() {
    return ending;
  }

  /**
   * The fields of its line.
   *
   * @param late whether it had to wait
   */
  byte[] fields(boolean late) {
    return late ? EventText.of(event, at, request, true) : fields;
  }

  /** To wait for room, with no more memory than that takes. */
  Item waiting() {
    return new Item(event, at, request, ending, new byte[0]);
  }
}
