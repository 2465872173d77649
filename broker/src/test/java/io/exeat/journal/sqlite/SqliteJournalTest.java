package io.exeat.journal.sqlite;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.exeat.base.Accessor;
import io.exeat.base.CannotStart;
import io.exeat.base.Epoch;
import io.exeat.base.FaultException;
import io.exeat.base.ReservedSpace;
import io.exeat.base.Time;
import io.exeat.credential.Held;
import io.exeat.journal.Journal;
import io.exeat.journal.JournalContract;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class SqliteJournalTest extends JournalContract {
  private static final Time TIME = new Time(InstantSource.system(), System::nanoTime);

  @TempDir private Path temp;
  private final ArrayDeque<BreakableStore> stores = new ArrayDeque<>();
  private final ArrayDeque<SqliteJournal> opened = new ArrayDeque<>();

  @Override
  protected Journal fresh() throws IOException {
    return open(temp.resolve("journal"));
  }

  @Override
  protected Journal restarted(Journal journal) throws IOException {
    journal.close();
    return open(temp.resolve("journal"));
  }

  @Override
  protected void breakDown(Journal journal) {
    stores.getLast().breakDown();
  }

  @AfterEach
  void closeAll() {
    opened.forEach(SqliteJournal::close);
  }

  @Test
  void theFilesAreForTheOwnerAlone() throws IOException {
    Path folder = temp.resolve("journal");
    assertThat(mode(folder)).isEqualTo("rwx------");
    assertThat(list(folder))
        .hasSizeGreaterThanOrEqualTo(4)
        .allSatisfy(file -> assertThat(mode(file)).isEqualTo("rw-------"));
  }

  @Test
  void aFolderOrDatabaseThatOthersCanReadIsRefused() throws IOException {
    Path folder = filled("open", 1);
    Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwxr-x---"));
    assertRefused(folder, "is open to others (rwxr-x---)", "chmod 700 ");
    Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwx------"));
    Files.setPosixFilePermissions(
        folder.resolve("journal.db"), PosixFilePermissions.fromString("rw-rw----"));
    assertRefused(folder, "journal.db is open to others (rw-rw----)", "chmod 600 ");
  }

  @Test
  void aSecondBrokerOnTheSameJournalIsRefused() throws IOException {
    Path folder = temp.resolve("shared");
    SqliteJournal first = open(folder);
    assertRefused(folder, "is in use by another broker", "a folder of its own");
    first.session(new Accessor("still works"));
    first.close();
    assertThat(open(folder).sessions()).containsExactly(new Accessor("still works"));
  }

  @Test
  void theJournalOfANewerExeatIsRefused() throws IOException {
    Path folder = filled("newer", 1);
    set(folder.resolve("journal.db"), 63, 2);
    assertRefused(folder, "has format 2; this Exeat knows format 1", "Start the version of Exeat");
  }

  @Test
  void callersFromManyThreadsShareCommits() throws Exception {
    SqliteJournal journal = open(temp.resolve("many"));
    Callable<Boolean> caller =
        () -> {
          for (int i = 0; i < 20; i++) {
            journal.intend(epoch(), AGENT, Set.of("orders")).await();
          }
          return true;
        };
    try (var pool = Executors.newVirtualThreadPerTaskExecutor()) {
      for (Future<Boolean> done : pool.invokeAll(Collections.nCopies(64, caller))) {
        assertThat(done.get()).isTrue();
      }
    }
    assertThat(journal.outstanding()).hasSize(1280);
    assertThat(stores.getLast().commits()).isLessThan(640);
  }

  @Test
  void whatEndsWhatTheSameBatchAddsIsSeenToEndIt() throws Exception {
    SqliteJournal journal = open(temp.resolve("turns"));
    Epoch epoch = epoch();
    Held held = held(epoch);
    Accessor session = new Accessor("short");
    oneBatch(
        () -> journal.session(session),
        () -> journal.intend(epoch, AGENT, Set.of("orders")).await(),
        () -> journal.bind(epoch, new Accessor("token")).await(),
        () -> journal.lent(held).await(),
        () -> journal.dead(held.id(), NOW),
        () -> journal.settled(epoch),
        () -> journal.sessionEnded(session));
    assertThat(journal.outstanding()).isEmpty();
    assertThat(journal.sessions()).isEmpty();
    Journal restarted = reopened(journal, temp.resolve("turns"));
    assertThat(restarted.outstanding()).isEmpty();
    assertThat(restarted.sessions()).isEmpty();
  }

  @Test
  void aCredentialOfAnEpochThatTheSameBatchSettlesIsNotTakenDownForIt() throws Exception {
    Path folder = temp.resolve("late");
    SqliteJournal journal = open(folder);
    Epoch epoch = epoch();
    journal.intend(epoch, AGENT, Set.of("orders")).await();
    List<Throwable> thrown =
        oneBatch(() -> journal.settled(epoch), () -> journal.lent(held(epoch)).await());
    assertThat(thrown).singleElement().isInstanceOf(IllegalStateException.class);
    assertThat(journal.outstanding()).isEmpty();
    assertThat(reopened(journal, folder).outstanding()).isEmpty();
  }

  /** Hands these in, in this order, while the disk is slow; gives what they threw. */
  private List<Throwable> oneBatch(Runnable... facts) throws InterruptedException {
    BreakableStore store = stores.getLast();
    SqliteJournal journal = opened.getLast();
    store.hold();
    List<Thread> callers = new ArrayList<>();
    List<Throwable> thrown = new CopyOnWriteArrayList<>();
    List<Runnable> all = new ArrayList<>(List.of(facts));
    all.addFirst(() -> journal.session(new Accessor("first in the disk's way")));
    all.addLast(() -> journal.sessionEnded(new Accessor("first in the disk's way")));
    try {
      for (Runnable fact : all) {
        Thread caller = Thread.ofPlatform().unstarted(fact);
        caller.setUncaughtExceptionHandler((_, e) -> thrown.add(e));
        caller.start();
        callers.add(caller);
        await().until(() -> caller.getState() == Thread.State.TIMED_WAITING);
      }
    } finally {
      store.letGo();
    }
    for (Thread caller : callers) {
      caller.join();
    }
    return thrown;
  }

  @Test
  void onAFullDiskEndingsAreWrittenAndAdditionsComeBackWithTheRoom() throws IOException {
    Path folder = temp.resolve("full");
    SqliteJournal journal = open(folder);
    BreakableStore store = stores.getLast();
    Epoch first = epoch();
    Epoch second = epoch();
    journal.intend(first, AGENT, Set.of("orders")).await();
    journal.intend(second, AGENT, Set.of("orders")).await();
    store.fill(1);
    assertThatThrownBy(() -> journal.intend(epoch(), AGENT, Set.of("orders")).await())
        .isInstanceOf(FaultException.class);
    journal.settled(first);
    assertThat(folder.resolve("journal.reserve")).exists();
    journal.settled(second);
    assertThat(folder.resolve("journal.reserve")).doesNotExist();
    assertThat(journal.outstanding()).isEmpty();
    assertThat(journal.problem())
        .hasValueSatisfying(why -> assertThat(why).contains("disk is full"));
    assertThatThrownBy(() -> journal.session(new Accessor("no room")))
        .isInstanceOf(FaultException.class);

    store.makeRoom();
    await().atMost(Duration.ofSeconds(5)).until(() -> journal.problem().isEmpty());
    journal.session(new Accessor("room"));
    Journal restarted = reopened(journal, folder);
    assertThat(restarted.outstanding()).isEmpty();
    assertThat(restarted.sessions()).containsExactly(new Accessor("room"));
  }

  @Test
  void tenThousandOutstandingEpochsAreBackWithinASecond() throws IOException {
    Path folder = filled("large", 10_000);
    // Opened once before, so that the libraries are loaded.
    ThreadMXBean threads = ManagementFactory.getThreadMXBean();
    long before = System.nanoTime();
    long worked = threads.getCurrentThreadCpuTime();
    SqliteJournal journal = SqliteJournal.open(folder, TIME);
    worked = threads.getCurrentThreadCpuTime() - worked;
    long took = System.nanoTime() - before;
    opened.add(journal);
    System.out.printf(
        "figure: 10,000 epochs with 30,000 facts are back after %d ms, %d ms of them at work%n",
        took / 1_000_000, worked / 1_000_000);
    assertThat(journal.outstanding()).hasSize(10_000);
    // What it works: the machine may do other things at the same time.
    assertThat(Duration.ofNanos(worked)).isLessThan(Duration.ofSeconds(1));
  }

  @Test
  void noFlippedBitIsEverTakenForTheTruth() throws IOException {
    Path sound = crashed("flips", 60);
    List<Journal.Outstanding> truth = outstandingOf(copy(sound, "truth"));
    Random random = new Random(42);
    int refused = 0;
    for (String name : List.of("journal.db", "journal.db-wal", "journal.acked")) {
      long size = Files.size(sound.resolve(name));
      for (int i = 0; i < 60; i++) {
        // Half of them where the headers are.
        long at = random.nextLong(i % 2 == 0 ? Math.min(size, 200) : size);
        int bit = random.nextInt(8);
        Path copy = copy(sound, name + i);
        flip(copy.resolve(name), at, bit);
        try {
          assertThat(outstandingOf(copy))
              .as("seed 42, %s byte %d bit %d", name, at, bit)
              .isEqualTo(truth);
        } catch (CannotStart e) {
          refused++;
        }
      }
    }
    assertThat(refused).isPositive();
  }

  @Test
  void aLogCutShortOrMissingIsRefused() throws IOException {
    Path sound = crashed("cut", 5);
    long size = Files.size(sound.resolve("journal.db-wal"));
    for (long length : new long[] {0, 31, 32, 1000, size / 2, size - 1}) {
      Path copy = copy(sound, "cut-" + length);
      truncate(copy.resolve("journal.db-wal"), length);
      assertRefused(copy, "were told to callers: journal.db-wal is damaged, cut short or missing");
    }
    for (String name : List.of("journal.db", "journal.db-wal", "journal.acked")) {
      Path copy = copy(sound, "without-" + name);
      Files.delete(copy.resolve(name));
      assertRefused(copy, "missing");
    }
  }

  private SqliteJournal open(Path folder) throws IOException {
    Folder held = Folder.hold(folder);
    SqliteStore real;
    try {
      real = SqliteStore.open(held);
    } catch (CannotStart | IOException e) {
      held.close();
      throw e;
    }
    ReservedSpace reserve = new ReservedSpace(held.reserve(), 65_536, TIME);
    reserve.hold();
    BreakableStore store = new BreakableStore(real);
    stores.add(store);
    SqliteJournal journal = new SqliteJournal(store, real.found(), reserve, TIME);
    opened.add(journal);
    return journal;
  }

  private Journal reopened(SqliteJournal journal, Path folder) throws IOException {
    journal.close();
    return open(folder);
  }

  private List<Journal.Outstanding> outstandingOf(Path folder) throws IOException {
    try (SqliteJournal journal = open(folder)) {
      return journal.outstanding();
    }
  }

  /** A journal with so many epochs, closed. */
  private Path filled(String name, int epochs) throws IOException {
    Path folder = temp.resolve(name);
    SqliteJournal journal = open(folder);
    fill(journal, epochs);
    journal.close();
    return folder;
  }

  /** A copy of a journal in use: what a crash of the process leaves. */
  private Path crashed(String name, int epochs) throws IOException {
    SqliteJournal journal = open(temp.resolve(name));
    fill(journal, epochs);
    Path copy = copy(temp.resolve(name), name + "-crashed");
    journal.close();
    return copy;
  }

  private static void fill(SqliteJournal journal, int epochs) {
    List<Callable<Boolean>> all =
        Collections.nCopies(
            epochs,
            () -> {
              Epoch epoch = epoch();
              journal.intend(epoch, AGENT, Set.of("orders")).await();
              journal.bind(epoch, new Accessor(epoch.label())).await();
              journal.lent(held(epoch)).await();
              return true;
            });
    try (var pool = Executors.newVirtualThreadPerTaskExecutor()) {
      for (Future<Boolean> done : pool.invokeAll(all)) {
        assertThat(done.get()).isTrue();
      }
    } catch (InterruptedException | ExecutionException e) {
      throw new IllegalStateException(e);
    }
  }

  private Path copy(Path folder, String name) throws IOException {
    Path copy = temp.resolve(name + "-copy");
    Files.createDirectory(copy);
    Files.setPosixFilePermissions(copy, PosixFilePermissions.fromString("rwx------"));
    for (Path file : list(folder)) {
      Path to = copy.resolve(file.getFileName());
      Files.copy(file, to);
      Files.setPosixFilePermissions(to, PosixFilePermissions.fromString("rw-------"));
    }
    return copy;
  }

  private static void assertRefused(Path folder, String... parts) {
    assertThatThrownBy(() -> SqliteJournal.open(folder, TIME).close())
        .isInstanceOf(CannotStart.class)
        .message()
        .contains(parts);
  }

  private static List<Path> list(Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files.sorted().toList();
    }
  }

  private static String mode(Path path) throws IOException {
    return PosixFilePermissions.toString(Files.getPosixFilePermissions(path));
  }

  private static void flip(Path file, long at, int bit) throws IOException {
    try (RandomAccessFile bytes = new RandomAccessFile(file.toFile(), "rw")) {
      bytes.seek(at);
      int old = bytes.read();
      bytes.seek(at);
      bytes.write(old ^ (1 << bit));
    }
  }

  private static void set(Path file, long at, int value) throws IOException {
    try (RandomAccessFile bytes = new RandomAccessFile(file.toFile(), "rw")) {
      bytes.seek(at);
      bytes.write(value);
    }
  }

  private static void truncate(Path file, long length) throws IOException {
    try (RandomAccessFile bytes = new RandomAccessFile(file.toFile(), "rw")) {
      bytes.setLength(length);
    }
  }
}
