package io.exeat.it.checker;

import com.fasterxml.jackson.databind.JsonNode;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.BiConsumer;

/** What the audit chain says of tasks, epochs and credentials, put together anew. */
final class Book {
  private final Map<String, Leave> tasks = new HashMap<>();
  private final Map<String, Credential> byPrincipal = new HashMap<>();
  private final Map<String, Credential> byLease = new HashMap<>();
  private final Set<String> buried = new HashSet<>();
  private final Set<String> dead = new HashSet<>();
  private final Set<String> journalled = new HashSet<>();
  private int runs;
  private final Map<String, Set<String>> ceilings;

  /** Hears the subject of what must not be, and why. */
  private final BiConsumer<Invariant, String[]> wrong;

  /** One task. */
  static final class Leave {
    Instant deadline = Instant.MAX;
    Instant ending = Instant.MAX;
    long open = 1;
    boolean ended;
    Set<String> scope = Set.of();
    final Map<Long, Instant> closed = new HashMap<>();
  }

  /** One credential on record. */
  static final class Credential {
    final String epoch;
    final String principal;
    final String grant;
    final String lease;
    final boolean certificate;
    Instant released = Instant.MAX;
    boolean dead;

    /** The run of the broker that recorded it; and whether an agent had it in its hands. */
    final int run;

    boolean handed;

    /** Whether a later run has recorded that all of its epoch is dead. */
    boolean buriedLater;

    Credential(JsonNode record, int run) {
      this.run = run;
      this.epoch = epoch(record);
      this.principal = record.path("principal").asText();
      this.grant = record.path("grant").asText();
      this.lease = record.path("lease_sha256").asText();
      this.certificate = record.path("what").asText().equals("CERTIFICATE");
    }
  }

  Book(Map<String, Set<String>> ceilings, BiConsumer<Invariant, String[]> wrong) {
    this.ceilings = ceilings;
    this.wrong = wrong;
  }

  void add(JsonNode record) {
    String task = record.path("task").asText();
    switch (record.path("kind").asText()) {
      case "task.opened" -> {
        Leave leave = leave(task);
        leave.deadline = Instant.parse(record.path("deadline").asText());
        leave.scope = texts(record.path("scope"));
      }
      case "epoch.opened" -> {
        Leave leave = leave(task);
        leave.open = record.path("epoch").asLong();
        leave.scope = texts(record.path("scope"));
        for (long old = 1; old < leave.open; old++) {
          String epoch = task + "-e" + old;
          if (!leave.closed.containsKey(old)
              && byPrincipal.values().stream().anyMatch(it -> it.epoch.equals(epoch))) {
            wrong(Invariant.I1_ROLES, epoch, "not closed, and the next is open");
          }
        }
      }
      case "epoch.closed" ->
          leave(task).closed.putIfAbsent(record.path("epoch").asLong(), at(record));
      case "task.ending" -> {
        Leave leave = leave(task);
        if (leave.ending.equals(Instant.MAX)) {
          leave.ending = at(record);
        }
      }
      case "task.ended" -> leave(task).ended = true;
      case "credential.issued" -> issued(record);
      case "credential.dead" -> {
        dead.add(record.path("lease_sha256").asText());
        Optional.ofNullable(byPrincipal.get(record.path("principal").asText()))
            .ifPresent(it -> it.dead = true);
      }
      case "epoch.dead" -> {
        String epoch = epoch(record);
        buried.add(epoch);
        byPrincipal.values().stream()
            .filter(it -> it.epoch.equals(epoch) && it.run < runs)
            .forEach(it -> it.buriedLater = true);
      }
      case "broker.started" -> runs++;
      default -> {
        // Of no interest here.
      }
    }
  }

  private void issued(JsonNode record) {
    Credential credential = new Credential(record, runs);
    String subject = credential.principal;
    boolean known = byPrincipal.put(credential.principal, credential) != null;
    boolean leased = byLease.put(credential.lease, credential) != null;
    if (known || leased) {
      wrong(Invariant.I6_RECORDED, subject, "issued twice, again for " + credential.epoch);
    }
    if (!credential.certificate
        && !credential.principal.startsWith("x-" + credential.epoch + "-")) {
      wrong(Invariant.I6_RECORDED, subject, "lent to another epoch than " + credential.epoch);
    }
    Leave leave = leave(record.path("task").asText());
    long epoch = record.path("epoch").asLong();
    if (epoch < leave.open || leave.ended || buried.contains(credential.epoch)) {
      wrong(Invariant.I1_ROLES, subject, "issued after its epoch was over");
    }
    String agent = record.path("agent").asText();
    if (!ceilings.getOrDefault(agent, Set.of()).contains(credential.grant)) {
      wrong(Invariant.I12_CEILING, subject, agent + " may not have " + credential.grant);
    }
    if (epoch == leave.open && !leave.scope.contains(credential.grant)) {
      wrong(Invariant.I12_CEILING, subject, credential.grant + " is not in scope " + leave.scope);
    }
  }

  private void wrong(Invariant invariant, String subject, String what) {
    wrong.accept(invariant, new String[] {subject, what});
  }

  /** When the credential's leave was over; MAX while it is not. */
  Instant over(Credential credential) {
    Instant epoch = over(credential.epoch);
    return credential.released.isBefore(epoch) ? credential.released : epoch;
  }

  /** When an epoch was over; MAX while it is not, or is not on record. */
  Instant over(String epoch) {
    int dash = epoch.lastIndexOf("-e");
    Leave leave = tasks.get(epoch.substring(0, dash));
    if (leave == null) {
      return Instant.MAX;
    }
    Instant closed =
        leave.closed.getOrDefault(Long.parseLong(epoch.substring(dash + 2)), Instant.MAX);
    Instant end = leave.ending.isBefore(leave.deadline) ? leave.ending : leave.deadline;
    return closed.isBefore(end) ? closed : end;
  }

  /** Whether the record says that all of the epoch is dead. */
  boolean isBuried(String epoch) {
    return buried.contains(epoch);
  }

  /** Whether the record says that what has this lease is dead, recorded when it was lent or not. */
  boolean isDead(String lease) {
    return dead.contains(ChainEye.sha256(lease));
  }

  /** The broker's journal has this lease. */
  void journalled(String lease) {
    journalled.add(ChainEye.sha256(lease));
  }

  /**
   * Whether the broker died between the record of a credential and the answer, before the journal
   * had it: no agent had it, no look at the journal found it, and a later run has recorded that all
   * of its epoch is dead.
   */
  boolean isLostOnTheWay(Credential one) {
    return one.buriedLater && !one.handed && !journalled.contains(one.lease);
  }

  boolean isOnRecord(String epoch) {
    return tasks.containsKey(epoch.substring(0, epoch.lastIndexOf("-e")));
  }

  /** Until when a task of the epoch may last. */
  Instant deadline(String epoch) {
    return leave(epoch.substring(0, epoch.lastIndexOf("-e"))).deadline;
  }

  Optional<Credential> principal(String name) {
    return Optional.ofNullable(byPrincipal.get(name));
  }

  Optional<Credential> lease(String id) {
    return Optional.ofNullable(byLease.get(ChainEye.sha256(id)));
  }

  Collection<Credential> issued() {
    return new ArrayList<>(byPrincipal.values());
  }

  int tasks() {
    return tasks.size();
  }

  private Leave leave(String task) {
    return tasks.computeIfAbsent(task, it -> new Leave());
  }

  private static String epoch(JsonNode record) {
    return record.path("task").asText() + "-e" + record.path("epoch").asText();
  }

  private static Instant at(JsonNode record) {
    return Instant.parse(record.path("at").asText());
  }

  private static Set<String> texts(JsonNode array) {
    Set<String> texts = new HashSet<>();
    array.forEach(it -> texts.add(it.asText()));
    return texts;
  }
}
