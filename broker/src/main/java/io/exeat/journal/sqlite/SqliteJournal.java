package io.exeat.journal.sqlite;

import io.exeat.base.Accessor;
import io.exeat.base.CannotStart;
import io.exeat.base.CredentialId;
import io.exeat.base.Durable;
import io.exeat.base.Epoch;
import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import io.exeat.base.GroupCommit;
import io.exeat.base.ReservedSpace;
import io.exeat.base.Spread;
import io.exeat.base.Time;
import io.exeat.credential.Held;
import io.exeat.journal.Journal;
import io.exeat.journal.Kill;
import io.spiffe.spiffeid.SpiffeId;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeoutException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The journal in {@code journal.db} of a folder of its own. One thread writes; what waits for it
 * meanwhile shares the next commit.
 *
 * <p>Whether room is left is known by {@code journal.reserve}: when the disk is full it is given up
 * for the facts that end, and nothing is added until it can be set aside again.
 */
public final class SqliteJournal implements Journal {
  /** For the facts that end of some thousand epochs. */
  private static final long RESERVE = 4 << 20;

  private static final Duration WAIT = Duration.ofSeconds(10);
  private static final Logger LOG = LoggerFactory.getLogger(SqliteJournal.class);

  private final Ledger ledger = new Ledger();
  private final FactStore store;
  private final ReservedSpace reserve;
  private final GroupCommit<Fact> writer;

  /** Facts that end and that no disk has: written when there is room. Owned by the writer. */
  private final List<FactStore.Line> unwritten = new ArrayList<>();

  private boolean broken;
  private volatile Optional<String> problem = Optional.empty();

  SqliteJournal(FactStore store, List<Fact> found, ReservedSpace reserve, Time time) {
    this.store = store;
    this.reserve = reserve;
    found.forEach(ledger::apply);
    this.writer = new GroupCommit<>("exeat-journal", time, this::commit);
  }

  /**
   * Opens the journal in {@code folder}, which is made (0700) when it is not there.
   *
   * @throws CannotStart when another broker has it, it is damaged or of another version, or the
   *     disk has no room for it
   */
  public static SqliteJournal open(Path folder, Time time) {
    try {
      Folder held = Folder.hold(folder);
      try {
        ReservedSpace reserve = new ReservedSpace(held.reserve(), RESERVE, time);
        SqliteStore store = SqliteStore.open(held);
        try {
          reserve.hold();
          return new SqliteJournal(store, store.found(), reserve, time);
        } catch (IOException | RuntimeException e) {
          store.close();
          throw e;
        }
      } catch (IOException | RuntimeException e) {
        held.close();
        throw e;
      }
    } catch (IOException e) {
      throw new CannotStart(
          "the journal in " + folder + " cannot be opened: " + e,
          "The broker's user needs a folder that it may write, on a local disk with 16 MiB free.",
          e);
    }
  }

  @Override
  public void session(Accessor session) {
    add(new Fact.Session(session)).await();
  }

  @Override
  public void sessionEnded(Accessor session) {
    end(new Fact.SessionEnded(session));
  }

  @Override
  public Durable intend(Epoch epoch, SpiffeId agent, Set<String> targets) {
    return add(new Fact.Intended(epoch, agent, targets));
  }

  @Override
  public Durable bind(Epoch epoch, Accessor token) {
    return add(new Fact.Bound(epoch, token));
  }

  @Override
  public Durable lent(Held credential) {
    return add(new Fact.Lent(credential));
  }

  @Override
  public void ending(Epoch epoch, String cause) {
    end(new Fact.Ending(epoch, cause));
  }

  @Override
  public void dead(CredentialId credential, Instant at) {
    end(new Fact.Dead(credential, at));
  }

  @Override
  public void settled(Epoch epoch) {
    end(new Fact.Settled(epoch));
  }

  @Override
  public void killed(Kill kill) {
    end(new Fact.Killed(kill));
  }

  @Override
  public void restored(SpiffeId agent) {
    add(new Fact.Restored(agent)).await();
  }

  @Override
  public List<Kill> kills() {
    return ledger.kills();
  }

  @Override
  public List<Outstanding> outstanding() {
    return ledger.outstanding();
  }

  @Override
  public List<Accessor> sessions() {
    return ledger.sessions();
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
    store.close();
  }

  /** While there is a problem it is awaited at once, so that a refusal comes before any effect. */
  private Durable add(Fact fact) {
    Durable durable = writer.begin(fact, WAIT, "the journal", SqliteJournal::refusal);
    if (problem.isPresent()) {
      durable.await();
    }
    return durable;
  }

  private void end(Fact fact) {
    try {
      writer.submit(fact, WAIT);
    } catch (TimeoutException e) {
      LOG.error("The journal's disk has not answered for 10 s; an ending waits in memory.");
    } catch (RejectedExecutionException e) {
      ledger.apply(fact);
    }
  }

  /** On the writer's thread. */
  private void commit(List<GroupCommit.Entry<Fact>> entries) {
    if (problem.isPresent() && !broken) {
      makeRoom();
    }
    Turns.of(entries).forEach(this::commitTurn);
  }

  private void commitTurn(List<GroupCommit.Entry<Fact>> entries) {
    List<GroupCommit.Entry<Fact>> news = entries.stream().filter(this::isNews).toList();
    List<FactStore.Line> all = ledger.lines(news);
    List<FactStore.Line> ending = all.stream().filter(line -> !line.fact().adds()).toList();
    if (problem.isPresent() || !isWritten(all)) {
      refuse(news);
      all = ending;
      if (!isWritten(ending)) {
        reserve.release();
        if (!isWritten(ending)) {
          unwritten.addAll(ending);
        }
      }
    }
    all.forEach(line -> ledger.apply(line.fact()));
  }

  /**
   * Whether {@code lines} are durable; if not, {@link #problem} says why, and room has been made.
   */
  private boolean isWritten(List<FactStore.Line> lines) {
    if (lines.isEmpty() || broken) {
      return lines.isEmpty();
    }
    try {
      store.write(lines);
      return true;
    } catch (FactStore.Full e) {
      full(e);
    } catch (FactStore.Broken e) {
      broken(e);
    }
    return false;
  }

  private void broken(FactStore.Broken e) {
    broken = true;
    problem =
        Optional.of("the journal's disk failed; nothing is lent until a start on a sound one");
    LOG.error("The journal failed: {}. Endings are kept in memory.", e.getMessage(), e);
  }

  private void full(FactStore.Full e) {
    String full = "the journal's disk is full; nothing is lent until there is room again";
    if (problem.isEmpty()) {
      LOG.error(full, e);
    }
    problem = Optional.of(full);
  }

  /** Takes the disk for usable again once what waited is written and the reserve fits. */
  private void makeRoom() {
    if (!isWritten(unwritten)) {
      return;
    }
    unwritten.clear();
    if (reserve.regain()) {
      problem = Optional.empty();
      LOG.warn("The journal's disk has room again.");
    }
  }

  private boolean isNews(GroupCommit.Entry<Fact> entry) {
    try {
      return ledger.changes(entry.item());
    } catch (IllegalStateException e) {
      entry.fail(() -> new IllegalStateException(e.getMessage(), e));
      return false;
    }
  }

  private void refuse(List<GroupCommit.Entry<Fact>> entries) {
    String why = problem.orElse("not written");
    entries.stream()
        .filter(entry -> entry.item().adds())
        .forEach(entry -> entry.fail(() -> refusal(why)));
  }

  private static FaultException refusal(String why) {
    return new FaultException(
        new Fault.Unavailable(Fault.Dependency.JOURNAL, why, Duration.ofSeconds(1)));
  }
}
