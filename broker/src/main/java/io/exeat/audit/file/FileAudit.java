package io.exeat.audit.file;

import io.exeat.audit.AuditEvent;
import io.exeat.audit.AuditSink;
import io.exeat.audit.ChainLine;
import io.exeat.base.CannotStart;
import io.exeat.base.Durable;
import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import io.exeat.base.GroupCommit;
import io.exeat.base.InRequest;
import io.exeat.base.OwnFolder;
import io.exeat.base.ReservedSpace;
import io.exeat.base.Sha256;
import io.exeat.base.Spread;
import io.exeat.base.TaskId;
import io.exeat.base.Time;
import java.io.IOException;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeoutException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The chain in files {@code exeat-<first seq>.jsonl}: a JSON object a line, each with the hash of
 * the one before. One thread writes; what waits for it meanwhile shares the next fsync.
 *
 * <p>On a full disk nothing is recorded but endings, in room that {@code audit.reserve} keeps, then
 * in memory. After a failed fsync nothing is written any more, for good.
 */
public final class FileAudit implements AuditSink {
  /** For the endings of some thousand tasks. */
  private static final long RESERVE = 4 << 20;

  private static final int MOST_LATE = 100_000;
  private static final Duration WAIT = Duration.ofSeconds(10);
  private static final Logger LOG = LoggerFactory.getLogger(FileAudit.class);

  private final Path folder;
  private final Time time;
  private final ChainFile file;
  private final ReservedSpace reserve;
  private final GroupCommit<Item> writer;

  // Owned by the writer's thread.
  private final MessageDigest sha256 = Sha256.begin();
  private final ArrayDeque<Item> late = new ArrayDeque<>();
  private long lost;
  private long seq;
  private String head;
  private boolean broken;

  private volatile Optional<String> problem = Optional.empty();

  FileAudit(Path folder, Tail tail, ChainFile file, ReservedSpace reserve, Time time)
      throws IOException {
    this.folder = folder;
    this.seq = tail.seq();
    this.head = tail.hash();
    this.file = file;
    this.reserve = reserve;
    this.time = time;
    if (tail.torn() > 0) {
      recovered(tail);
    }
    this.writer = new GroupCommit<>("exeat-audit", time, this::commit);
  }

  /**
   * Opens the chain in {@code folder}, which is made (0700) when it is not there, and checks its
   * end. An incomplete last line, which no caller was told of, is cut off and recorded as {@code
   * chain.recovered}.
   *
   * @param rotateAt bytes after which a new file is begun
   * @throws CannotStart when another broker has it, its end is damaged, or the disk has no room for
   *     it
   */
  public static FileAudit open(Path folder, long rotateAt, Time time) {
    try {
      OwnFolder own = OwnFolder.hold(folder, "audit");
      try {
        Tail tail = Tail.of(folder);
        ReservedSpace reserve = new ReservedSpace(folder.resolve("audit.reserve"), RESERVE, time);
        reserve.hold();
        RotatingFile file = new RotatingFile(own, tail, rotateAt);
        return new FileAudit(folder, tail, file, reserve, time);
      } catch (IOException | RuntimeException e) {
        own.close();
        throw e;
      }
    } catch (IOException e) {
      throw new CannotStart(
          "the audit chain in " + folder + " cannot be opened: " + e,
          "The broker's user needs a folder that it may write, on a local disk with 16 MiB free.",
          e);
    }
  }

  /**
   * While there is a problem it refuses at once, before any effect: the disk may hang as well. The
   * writer sees by itself, once a second, whether it is over.
   */
  @Override
  public Durable begin(AuditEvent event) {
    Optional<String> now = problem;
    if (now.isPresent()) {
      throw refusal(now.get());
    }
    return writer.begin(item(event, false), WAIT, "the audit", FileAudit::refusal);
  }

  @Override
  public void recordEnding(AuditEvent event) {
    try {
      writer.submit(item(event, true), WAIT);
    } catch (TimeoutException | RuntimeException e) {
      LOG.error("{} is not recorded yet: {}", event.kind(), e.toString());
    }
  }

  @Override
  public void recordSoon(AuditEvent event) {
    try {
      writer.later(item(event, true));
    } catch (RejectedExecutionException e) {
      LOG.error("{} is not recorded: the audit is closed", event.kind());
    }
  }

  @Override
  public List<AuditEvent.ReceiptSigned> receipts(TaskId task, int most) {
    try {
      return ReceiptLines.of(folder, task, most);
    } catch (IOException | RuntimeException e) {
      throw new FaultException(
          new Fault.Unavailable(
              Fault.Dependency.AUDIT, "the chain cannot be read", Duration.ofSeconds(1)),
          e);
    }
  }

  @Override
  public Optional<String> problem() {
    return problem;
  }

  public Spread waits() {
    return writer.waits();
  }

  /** Everything handed in is written first. Idempotent. */
  @Override
  public void close() {
    writer.close();
    file.close();
  }

  private Item item(AuditEvent event, boolean ending) {
    return new Item(event, time.now(), InRequest.current(), ending);
  }

  /** On the writer's thread. Of what is lost by a defect of ours the chain tells how much. */
  private void commit(List<GroupCommit.Entry<Item>> entries) {
    try {
      write(entries);
    } catch (RuntimeException | Error e) {
      long endings = entries.stream().filter(entry -> entry.item().ending()).count();
      lost += endings;
      problem = Optional.of("the audit could not write, which its log explains; it tries again");
      LOG.error("A defect of ours in the audit; {} records of endings are lost", endings, e);
      throw e;
    }
  }

  private void write(List<GroupCommit.Entry<Item>> entries) {
    if (problem.isPresent() && !broken) {
      makeRoom();
    }
    List<Item> all = entries.stream().map(GroupCommit.Entry::item).toList();
    List<Item> endings = all.stream().filter(Item::ending).toList();
    if (problem.isEmpty() && isWritten(all, false)) {
      return;
    }
    String why = problem.orElse("not written");
    entries.stream()
        .filter(entry -> !entry.item().ending())
        .forEach(entry -> entry.fail(() -> refusal(why)));
    if (late.isEmpty() && isWritten(endings, false)) {
      return;
    }
    reserve.release();
    if (!late.isEmpty() || !isWritten(endings, false)) {
      endings.forEach(this::keep);
    }
  }

  /**
   * Whether {@code items} are durable; if not, {@link #problem} says why, and room has been made.
   */
  private boolean isWritten(Collection<Item> items, boolean asLate) {
    if (broken) {
      return items.isEmpty();
    }
    try {
      append(items.stream().map(item -> item.fields(asLate)).toList());
      return true;
    } catch (ChainFile.Full e) {
      full(e);
    } catch (IOException e) {
      broken(e);
    }
    return false;
  }

  private void broken(IOException e) {
    broken = true;
    problem =
        Optional.of(
            "the audit's disk failed; nothing is lent until the broker is started again on a sound"
                + " one");
    LOG.error("The audit chain failed. Endings are kept in memory.", e);
  }

  private void append(List<byte[]> fields) throws ChainFile.Full, IOException {
    if (fields.isEmpty()) {
      return;
    }
    List<byte[]> lines = new ArrayList<>(fields.size());
    String prev = head;
    for (byte[] each : fields) {
      byte[] line = ChainLine.complete(seq + 1 + lines.size(), each, prev, sha256);
      prev = new ChainLine(line, 0, line.length - 1).hash();
      lines.add(line);
    }
    file.append(seq + 1, lines);
    seq += lines.size();
    head = prev;
  }

  private void full(ChainFile.Full e) {
    if (problem.isEmpty()) {
      LOG.error("The audit's disk is full: nothing is lent until there is room.", e);
    }
    problem = Optional.of("the audit's disk is full; nothing is lent until there is room again");
  }

  /** Takes the disk for usable again once what waited is written and the reserve fits. */
  private void makeRoom() {
    if (!isWritten(late, true)) {
      return;
    }
    late.clear();
    try {
      if (lost > 0) {
        append(List.of(EventText.lost(time.now(), lost)));
        lost = 0;
      }
    } catch (ChainFile.Full e) {
      return;
    } catch (IOException e) {
      broken(e);
      return;
    }
    if (reserve.regain()) {
      problem = Optional.empty();
      LOG.warn("The audit's disk has room again.");
    }
  }

  private void keep(Item ending) {
    if (late.size() < MOST_LATE) {
      late.add(ending.waiting());
    } else {
      lost++;
    }
  }

  private void recovered(Tail tail) throws IOException {
    LOG.warn("The audit chain's last line was not complete; {} bytes cut.", tail.torn());
    try {
      append(List.of(EventText.recovered(time.now(), tail.torn(), tail.tornSha256())));
    } catch (ChainFile.Full e) {
      throw new IOException(e);
    }
  }

  private static FaultException refusal(String why) {
    return new FaultException(
        new Fault.Unavailable(Fault.Dependency.AUDIT, why, Duration.ofSeconds(1)));
  }
}
