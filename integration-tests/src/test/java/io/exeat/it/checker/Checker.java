package io.exeat.it.checker;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * Watches one broker: everything once a second, the database every 20 ms, and what somebody was
 * just told at once. A run tells it what it does to the broker's surroundings, and what the agents
 * see; nothing else.
 *
 * <p>What is over must be dead within a bound; time in which the machine did not let the checker
 * run does not count. While surroundings are known to be impaired only the claims are held: what
 * was said to be dead is, what was handed out is on record, what is lent is finite.
 */
public final class Checker implements AutoCloseable {
  /** For what is over while nothing is wrong; on a machine that has other work too. */
  public static final Duration HEALTHY = Duration.ofSeconds(5);

  private static final Duration TICK = Duration.ofSeconds(1);
  private static final Duration SAMPLE = Duration.ofMillis(20);

  private static final int MOST_PRINTED = 10;
  private static final String KEY_LINE = "[A-Za-z0-9+/=]{20,}";
  private static final String GIVEN_UP = "given up";

  /** Looks at which something is not in the journal before that is a violation. */
  private static final int UNJOURNALLED = 3;

  /** Until what Vault has lent must be on record or dead: a call may take 3 s and be in vain. */
  private static final Duration UNRECORDED = HEALTHY.plusSeconds(3);

  /**
   * Until Vault's entry of a lease is gone that nobody can name, since its answer was lost: when
   * its token ends and the database does not do it within 2 s, as on a busy machine, only Vault
   * tries again, 10 to 30 s later (measured; expiration.go's {@code revokeExponentialBackoff}). Of
   * the role and its sessions {@link #UNRECORDED} holds.
   */
  private static final Duration LEFT_TO_VAULT = UNRECORDED.plusSeconds(32);

  /** How much longer the account waits where Postgres or Vault are too slow to be looked at. */
  private static final Duration UNANSWERED = Duration.ofSeconds(50);

  private final Estate estate;
  private final ChainEye chain;
  private final DatabaseEye database;
  private final DatabaseEye sampling;
  private final VaultEye vault;
  private final ListEye lists;
  private final VaultLog vaultLog;
  private final JournalEye journal;
  private final Leaks leaks = new Leaks();
  private final Book book;
  private final Lives lives = new Lives();
  private final Map<String, Violation> violations = new ConcurrentHashMap<>();
  private final List<VaultLog.Lent> lent = new ArrayList<>();
  private final Map<String, Instant> firstSeen = new HashMap<>();
  private final Set<String> sessions = new HashSet<>();
  private final Map<String, Integer> missed = new HashMap<>();
  private final Stalls stalls = new Stalls();
  private final List<Thread> threads = new ArrayList<>();
  private @Nullable String impaired;
  private Instant mended = Instant.MIN;
  private Duration afterMending = HEALTHY;
  private Duration behind = Duration.ZERO;
  private boolean brokerGone;
  private long ticks;
  private final AtomicLong samples = new AtomicLong();
  private volatile boolean closed;
  private volatile @Nullable Throwable defect;

  private Checker(Estate estate) throws IOException {
    this.estate = estate;
    this.chain = new ChainEye(estate.chain(), it -> wrong(Invariant.I10_CHAIN, "chain", it));
    Map<String, String> names = new ConcurrentHashMap<>();
    this.database = new DatabaseEye(estate.database(), names);
    this.sampling = new DatabaseEye(estate.database(), names);
    database.ignoreWhatIsThere();
    sampling.ignoreWhatIsThere();
    this.vault = new VaultEye(estate);
    this.lists = new ListEye(estate, it -> wrong(Invariant.I13_LISTED, "the list", it));
    this.vaultLog = new VaultLog(estate.vaultLog());
    this.journal = new JournalEye(estate.journal());
    this.book = new Book(estate.ceilings(), (which, it) -> wrong(which, it[0], it[1]));
  }

  /** Begins to watch. */
  public static Checker watch(Estate estate) {
    try {
      Checker checker = new Checker(estate);
      checker.begin("checker", checker::tickAlways);
      checker.begin("sampler", checker::sampleAlways);
      return checker;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** A checker that has stopped looking must not pass for one that sees nothing. */
  private void begin(String name, Runnable looking) {
    threads.add(
        Thread.ofPlatform()
            .name(name)
            .start(() -> {
              try {
                looking.run();
              } catch (RuntimeException | Error e) {
                defect = e;
                throw e;
              }
            }));
  }

  // What a run does.

  /** From now on something that ending needs is away. */
  public synchronized void impaired(String what) {
    impaired = what;
  }

  /** It is back: what is over must be dead within so much from now. */
  public synchronized void mended(Duration within) {
    impaired = null;
    mended = Instant.now();
    afterMending = within;
  }

  /**
   * The database's clock was set back by so much: what was lent before lasts longer by its word. It
   * is set right again by zero.
   */
  public synchronized void clockBehind(Duration by) {
    behind = by;
  }

  /** The broker is gone for good: what it lent is over now, and must die by itself within that. */
  public synchronized void gone(Duration within) {
    catchUp();
    brokerGone = true;
    Instant now = Instant.now();
    book.issued().forEach(it -> it.released = it.released.isBefore(now) ? it.released : now);
    mended(within);
  }

  // What agents and operators see.

  /** An agent has this login in its hands. */
  public synchronized void handed(String principal, String password, String grant) {
    leaks.add(password);
    isOnRecord(principal, grant);
  }

  /** An agent has this certificate, and its key in PEM, in its hands. */
  public synchronized void handed(X509Certificate own, String serial, String key, String grant) {
    // The last lines: the first are much the same for all keys of a kind.
    List<String> lines = key.lines().filter(line -> line.matches(KEY_LINE)).toList();
    leaks.add(lines.getLast());
    isOnRecord(serial, grant);
    Instant latest = Instant.now().plus(estate.certificate()).plus(Estate.MARGIN);
    if (own.getNotAfter().toInstant().isAfter(latest)) {
      wrong(Invariant.I7_FINITE, serial, "it ends at " + own.getNotAfter().toInstant());
    }
  }

  private void isOnRecord(String principal, String grant) {
    catchUp();
    book.principal(principal).ifPresent(it -> it.handed = true);
    if (book.principal(principal).filter(it -> it.grant.equals(grant)).isEmpty()) {
      wrong(Invariant.I6_RECORDED, principal, "an agent has it, and it is not on record");
    }
  }

  /** Somebody is about to ask for the end of this credential alone. */
  public synchronized void released(String principal) {
    book.principal(principal).ifPresent(it -> it.released = Instant.now());
  }

  /** Somebody was told that this credential is dead. */
  public void toldDead(String principal) {
    told("", Optional.of(principal));
  }

  /** Somebody was told that all of the epoch {@code <task>-e<number>} is dead. */
  public void toldEpochDead(String epoch) {
    told(epoch, Optional.empty());
  }

  /** Somebody was told that the task has ended. */
  public void toldEnded(String task) {
    told(task + "-e", Optional.empty());
  }

  private void told(String epoch, Optional<String> principal) {
    String prefix = principal.orElse("x-" + epoch + (epoch.endsWith("-e") ? "" : "-"));
    database
        .look()
        .ifPresent(seen -> {
          seen.roles()
              .forEach((role, is) -> {
                if (role.startsWith(prefix) && is.able()) {
                  wrong(Invariant.I1_ROLES, role, "said to be dead, and may log in");
                }
              });
          seen.sessions()
              .forEach((role, count) -> {
                if (role.startsWith(prefix)) {
                  wrong(
                      Invariant.I4_SESSIONS,
                      role,
                      "said to be dead, and has " + count + " sessions");
                }
              });
        });
    vault.look().ifPresent(seen -> toldInVault(epoch, principal, seen));
    lists.look().ifPresent(seen -> toldOnList(epoch, principal, seen));
  }

  private synchronized void toldOnList(
      String epoch, Optional<String> principal, ListEye.Sight seen) {
    catchUp();
    for (Book.Credential one : book.issued()) {
      if (one.certificate
          && principal.map(one.principal::equals).orElse(isOf(one.epoch, epoch))
          && !seen.has(one.principal)) {
        wrong(Invariant.I13_LISTED, one.principal, "said to be dead, and is not on the list");
      }
    }
  }

  private synchronized void toldInVault(
      String epoch, Optional<String> principal, VaultEye.Sight seen) {
    catchUp();
    for (String lease : seen.leases()) {
      Optional<Book.Credential> credential = book.lease(lease);
      if (credential
          .filter(it -> principal.map(it.principal::equals).orElse(isOf(it.epoch, epoch)))
          .isPresent()) {
        wrong(Invariant.I2_LEASES, credential.get().principal, "said to be dead, and is leased");
      }
    }
    if (principal.isEmpty()) {
      seen.tokens().values().stream()
          .filter(token -> isOf(token.epoch(), epoch))
          .forEach(token ->
              wrong(Invariant.I3_TOKENS, token.epoch(), "said to be dead, and has a token"));
    }
  }

  /** {@code <task>-e} is every epoch of the task. */
  private static boolean isOf(String epoch, String which) {
    return which.endsWith("-e") ? epoch.startsWith(which) : epoch.equals(which);
  }

  // Looking.

  private void sampleAlways() {
    while (!closed) {
      sampling.look().ifPresent(lives::saw);
      samples.incrementAndGet();
      Instant slept = Instant.now();
      LockSupport.parkNanos(SAMPLE.toNanos());
      stalls.add(slept, SAMPLE);
    }
  }

  private void tickAlways() {
    while (!closed) {
      tick();
      LockSupport.parkNanos(TICK.toNanos());
    }
  }

  private void tick() {
    Optional<DatabaseEye.Sight> roles = database.look();
    Optional<VaultEye.Sight> tokens = vault.look();
    Optional<ListEye.Sight> listed = lists.look();
    try {
      Optional<JournalEye.Sight> written = journal.look();
      synchronized (this) {
        catchUp();
        lent.addAll(vaultLog.look());
        ticks++;
        roles.ifPresent(this::judge);
        tokens.ifPresent(it -> judge(it, written));
        listed.ifPresent(this::judge);
        written.ifPresent(this::judge);
        judgeLent();
      }
    } catch (IOException e) {
      wrong(Invariant.I10_CHAIN, "files", "cannot be read: " + e);
    }
  }

  private synchronized void catchUp() {
    try {
      chain.look().forEach(book::add);
    } catch (IOException e) {
      wrong(Invariant.I10_CHAIN, "chain", "cannot be read: " + e);
    }
  }

  private void judge(DatabaseEye.Sight seen) {
    seen.roles()
        .forEach((role, is) -> {
          if (!is.finite()
              || is.left() > estate.lease().plus(Estate.MARGIN).plus(behind).toSeconds()) {
            wrong(Invariant.I7_FINITE, role, "its login lasts for " + is.left() + " s");
          }
          if (is.able()) {
            judge(Invariant.I1_ROLES, role, seen.begun());
          }
        });
    seen.sessions().keySet().forEach(role -> judge(Invariant.I4_SESSIONS, role, seen.begun()));
    firstSeen
        .keySet()
        .removeIf(it ->
            it.startsWith("x-")
                && !seen.roles().containsKey(it)
                && !seen.sessions().containsKey(it));
  }

  private void judge(ListEye.Sight seen) {
    for (Book.Credential one : book.issued()) {
      if (one.certificate && !seen.has(one.principal)) {
        overdue(Invariant.I13_LISTED, one.principal, book.over(one), HEALTHY, seen.begun());
      }
    }
  }

  /** A role, or the role of a session. */
  private void judge(Invariant invariant, String role, Instant seen) {
    Optional<Book.Credential> known = book.principal(role);
    if (known.isPresent()) {
      overdue(invariant, role, book.over(known.get()), HEALTHY, seen);
    } else {
      overdue(
          invariant,
          role + " (not on record)",
          orphaned(role, epochOf(role), seen),
          UNRECORDED,
          seen);
    }
  }

  private void judge(VaultEye.Sight seen, Optional<JournalEye.Sight> written) {
    if (seen.givenUp() > 0) { // as it does while a target is away; then the broker ends them
      overdue(
          Invariant.I8_GIVEN_UP,
          seen.givenUp() + " irrevocable leases",
          first(GIVEN_UP, seen.begun()),
          HEALTHY,
          seen.begun());
    } else {
      firstSeen.remove(GIVEN_UP);
    }
    for (String lease : seen.leases()) {
      Optional<Book.Credential> known = book.lease(lease);
      Instant end =
          known.map(book::over).orElseGet(() -> orphaned(lease, askedBy(lease), seen.begun()));
      overdue(
          Invariant.I2_LEASES,
          known.map(it -> it.principal).orElse(lease + " (not on record)"),
          end,
          known.isPresent() ? HEALTHY : lease.startsWith("database/") ? LEFT_TO_VAULT : UNRECORDED,
          seen.begun());
    }
    seen.tokens().forEach((accessor, token) -> judge(accessor, token, seen.begun(), written));
  }

  private void judge(
      String accessor, VaultEye.Token token, Instant seen, Optional<JournalEye.Sight> written) {
    boolean ofTask = !token.epoch().isEmpty() && book.isOnRecord(token.epoch());
    if (ofTask) {
      overdue(Invariant.I3_TOKENS, token.epoch(), book.over(token.epoch()), HEALTHY, seen);
      Instant latest = book.deadline(token.epoch());
      if (token.until().filter(it -> it.minus(Estate.MARGIN).isAfter(latest)).isPresent()) {
        wrong(Invariant.I7_FINITE, token.epoch(), "its token outlasts its task");
      }
    }
    if (written.isPresent() && token.session()) {
      judgeSession(accessor, token, seen, written.get());
    }
  }

  /**
   * A session that the broker got and could not write down any more has no children and dies by
   * itself; one that has, or had, its place in the journal is never forgotten.
   */
  private void judgeSession(
      String accessor, VaultEye.Token token, Instant seen, JournalEye.Sight written) {
    boolean there = written.sessions().contains(accessor);
    if (there) {
      sessions.add(accessor);
    }
    boolean inUse = written.sessions().isEmpty() && !written.epochs().isEmpty();
    if (there || sessions.contains(accessor) || inUse) {
      journalled("session " + accessor, there);
    } else {
      overdue(
          Invariant.I3_TOKENS,
          "session " + accessor + ", which nobody knows",
          token.made(),
          estate.heartbeat().plus(Estate.MARGIN),
          seen);
    }
  }

  /** Before anything is lent under a token its accessor is written down. */
  private void judge(JournalEye.Sight written) {
    written.leases().forEach(book::journalled);
    for (Book.Credential one : book.issued()) {
      if (!one.dead && book.over(one).isAfter(Instant.now())) { // every task has a deadline
        journalled("the token of " + one.epoch, written.bound().contains(one.epoch));
      }
    }
  }

  /** Looks count here, not time: the journal is read before the chain. */
  private void journalled(String subject, boolean there) {
    if (there || impaired != null) {
      missed.remove(subject);
    } else if (missed.merge(subject, 1, Integer::sum) >= UNJOURNALLED) {
      wrong(Invariant.I3_TOKENS, subject, "not in the journal at " + UNJOURNALLED + " looks");
    }
  }

  /**
   * From when on what is not on record must die, or come to be recorded: from the first look that
   * has it; or from the end of its epoch, if that was before.
   */
  private Instant orphaned(String subject, Optional<String> epoch, Instant seen) {
    Instant first = first(subject, seen);
    return epoch
        .filter(book::isOnRecord)
        .map(book::over)
        .filter(over -> over.isBefore(first))
        .orElse(first);
  }

  /** By the form of its name, {@code x-<task>-e<number>-<random>}. */
  private static Optional<String> epochOf(String role) {
    return role.matches("x-t[0-9a-z]+-e[0-9]+-[0-9a-z]+")
        ? Optional.of(role.substring(2, role.lastIndexOf('-')))
        : Optional.empty();
  }

  private Optional<String> askedBy(String lease) {
    return lent.stream().filter(it -> it.lease().equals(lease)).map(VaultLog.Lent::epoch).findAny();
  }

  private Instant first(String subject, Instant seen) {
    return firstSeen.computeIfAbsent(subject, it -> seen);
  }

  private void judgeLent() {
    for (VaultLog.Lent one : lent) {
      if (book.lease(one.lease()).isEmpty()
          && !book.isBuried(one.epoch())
          && !book.isDead(one.lease())) {
        overdue(
            Invariant.I6_RECORDED,
            one.lease() + " for " + one.epoch() + ", neither on record nor buried,",
            one.at(),
            UNRECORDED,
            Instant.now());
      }
    }
  }

  /** It was over at {@code end} and seen alive at {@code seen}. */
  private void overdue(
      Invariant invariant, String subject, Instant end, Duration within, Instant seen) {
    if (impaired != null || end.equals(Instant.MAX) || seen.isBefore(end)) {
      return;
    }
    Instant latest = end.plus(within);
    Instant after = mended.equals(Instant.MIN) ? latest : mended.plus(afterMending);
    Instant begun = end.isAfter(mended) ? end : mended;
    Instant bound = (latest.isAfter(after) ? latest : after).plus(stalls.since(begun));
    if (seen.isAfter(bound)) {
      wrong(
          invariant,
          subject,
          "over since " + end + ", alive " + Duration.between(end, seen).toMillis() + " ms later");
    }
  }

  private void wrong(Invariant invariant, String subject, String what) {
    violations.computeIfAbsent(
        invariant + subject,
        it -> {
          Violation violation = new Violation(invariant, subject, what, Instant.now());
          if (violations.size() < MOST_PRINTED) {
            System.out.println("checker: VIOLATION " + violation);
          }
          return violation;
        });
  }

  /** How many complete looks there were. */
  public synchronized long looks() {
    return ticks;
  }

  /** Whether this does not hold. */
  public boolean isViolated(Invariant invariant) {
    return violations.values().stream().anyMatch(it -> it.invariant() == invariant);
  }

  /** What does not hold, so far. */
  public List<Violation> violations() {
    return violations.values().stream().sorted(Comparator.comparing(Violation::at)).toList();
  }

  /**
   * Waits until all that is over is dead and on record as such, or its bound has passed; then
   * settles the account and says what there was.
   */
  public Verdict verdict(Duration atMost) {
    Instant until = Instant.now().plus(atMost);
    Account account = account();
    while (!account.open().isEmpty() && Instant.now().isBefore(until.plus(patience(account)))) {
      LockSupport.parkNanos(SAMPLE.toNanos() * 5);
      account = account();
    }
    tick();
    account.open().forEach(it -> wrong(Invariant.I5_CONSERVATION, it, "not accounted for"));
    searchForSecrets();
    Throwable stopped = defect;
    if (stopped != null) {
      throw new IllegalStateException("the checker has stopped looking", stopped);
    }
    synchronized (this) {
      Map<String, Duration> outlived = new LinkedHashMap<>();
      for (Book.Credential one : book.issued()) {
        lives
            .deadAt(one.principal)
            .filter(dead -> !book.over(one).equals(Instant.MAX))
            .map(dead -> Duration.between(book.over(one), dead))
            .ifPresent(it -> outlived.put(one.principal, it.isNegative() ? Duration.ZERO : it));
      }
      return new Verdict(
          violations(),
          account,
          new Outlived(outlived.values()),
          book.tasks(),
          chain.records(),
          ticks,
          samples.get(),
          stalls.since(Instant.MIN),
          leaks.canaries());
    }
  }

  /** How much longer to wait for what is open. */
  private static Duration patience(Account account) {
    if (!account.isKnown()) {
      return UNANSWERED;
    }
    return account.isLeftToVault() ? LEFT_TO_VAULT : Duration.ZERO;
  }

  /** Where each credential is, by its id in Vault. */
  private Account account() {
    Optional<DatabaseEye.Sight> roles = database.look();
    Optional<VaultEye.Sight> leases = vault.look();
    Optional<ListEye.Sight> listed = lists.look();
    synchronized (this) {
      catchUp();
      try {
        lent.addAll(vaultLog.look());
      } catch (IOException e) {
        wrong(Invariant.I6_RECORDED, "Vault's audit file", "cannot be read: " + e);
      }
      if (roles.isEmpty() || leases.isEmpty() || listed.isEmpty()) {
        return Account.unknown(database.trouble(), vault.trouble(), lists.trouble());
      }
      return Account.of(book, lent, roles.get(), leases.get(), listed.get(), brokerGone);
    }
  }

  private void searchForSecrets() {
    try {
      leaks
          .find(estate.written())
          .forEach((file, what) -> wrong(Invariant.I11_SECRETS, file.toString(), what));
    } catch (IOException e) {
      wrong(Invariant.I11_SECRETS, "files", "cannot be read: " + e);
    }
  }

  /** Looks for secrets in the words and the environment of a process. */
  public void searchProcess(long pid) {
    try {
      Path process = Path.of("/proc", Long.toString(pid));
      if (Files.isReadable(process.resolve("environ"))) {
        leaks
            .find(List.of(process.resolve("environ"), process.resolve("cmdline")))
            .forEach((file, what) -> wrong(Invariant.I11_SECRETS, file.toString(), what));
      }
    } catch (IOException e) {
      wrong(Invariant.I11_SECRETS, "process", "cannot be read: " + e);
    }
  }

  @Override
  public void close() {
    closed = true;
    for (Thread thread : threads) {
      LockSupport.unpark(thread);
      try {
        var _ = thread.join(Duration.ofSeconds(20));
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }
    database.close();
    sampling.close();
    try {
      journal.close();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
