package io.exeat.journal.sqlite;

import io.exeat.audit.AuditEvent;
import io.exeat.audit.AuditVerifier;
import io.exeat.audit.file.FileAudit;
import io.exeat.base.Epoch;
import io.exeat.base.TaskId;
import io.exeat.base.Time;
import io.spiffe.spiffeid.SpiffeId;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.InstantSource;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/** Prints what a durable call costs beside the bare fdatasync of the same disk, in the same run. */
public final class LedgerBench {
  private static final Time TIME = new Time(InstantSource.system(), System::nanoTime);
  private static final SpiffeId AGENT = SpiffeId.parse("spiffe://example.org/agent");
  private static final int CALLS = 2000;

  private LedgerBench() {}

  /** A call to be measured. */
  private interface Call {
    void run() throws Exception;
  }

  public static void main(String[] args) throws Exception {
    Path folder = Files.createTempDirectory(Path.of(args.length == 0 ? "." : args[0]), "bench");
    ByteBuffer line = ByteBuffer.allocate(400);
    try (FileChannel channel =
        FileChannel.open(
            folder.resolve("bare"), StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
      measure(
          "bare append of 400 bytes and fdatasync",
          () -> {
            channel.write(line.clear());
            channel.force(false);
          });
    }
    try (SqliteJournal journal = SqliteJournal.open(folder.resolve("journal"), TIME)) {
      Call intend =
          () -> journal.intend(new Epoch(TaskId.random(), 1), AGENT, Set.of("orders")).await();
      measure("journal, 1 thread", intend);
      together("journal, 64 threads", intend);
    }
    long before = System.nanoTime();
    try (SqliteJournal journal = SqliteJournal.open(folder.resolve("journal"), TIME)) {
      int size = journal.outstanding().size();
      System.out.printf("journal of %,d epochs opened in %d ms%n", size, since(before));
    }
    try (FileAudit audit = FileAudit.open(folder.resolve("audit"), 64 << 20, TIME)) {
      Call record = () -> audit.record(new AuditEvent.BrokerStopped("because of the benchmark"));
      measure("audit, 1 thread", record);
      together("audit, 64 threads", record);
      Call million = () -> audit.record(new AuditEvent.OperatorActed("a", "b", "c", "d"));
      spread(million, 1_000_000 - 5 * CALLS - 64 * 100, 1000);
    }
    before = System.nanoTime();
    AuditVerifier.Result result = AuditVerifier.verify(folder.resolve("audit"), Optional.empty());
    System.out.printf("audit verified in %d ms: %s%n", since(before), result);
    System.out.println("left in " + folder);
  }

  private static void measure(String what, Call call) throws Exception {
    for (int i = 0; i < CALLS; i++) {
      call.run();
    }
    long[] nanos = new long[CALLS];
    for (int i = 0; i < CALLS; i++) {
      long before = System.nanoTime();
      call.run();
      nanos[i] = System.nanoTime() - before;
    }
    Arrays.sort(nanos);
    System.out.printf(
        "%s: p50 %.3f ms, p99 %.3f ms%n",
        what, nanos[CALLS / 2] / 1e6, nanos[CALLS * 99 / 100] / 1e6);
  }

  private static void together(String what, Call call) throws Exception {
    long before = System.nanoTime();
    spread(call, 64 * 100, 64);
    System.out.printf("%s: %,d calls/s%n", what, 64 * 100 * 1000L / Math.max(1, since(before)));
  }

  private static void spread(Call call, int calls, int threads) throws Exception {
    Callable<Boolean> caller =
        () -> {
          for (int i = 0; i < calls / threads; i++) {
            call.run();
          }
          return true;
        };
    List<Callable<Boolean>> callers = Collections.nCopies(threads, caller);
    try (var pool = Executors.newVirtualThreadPerTaskExecutor()) {
      for (Future<Boolean> done : pool.invokeAll(callers)) {
        if (!done.get()) {
          throw new IllegalStateException();
        }
      }
    }
  }

  private static long since(long before) {
    return (System.nanoTime() - before) / 1_000_000;
  }
}
