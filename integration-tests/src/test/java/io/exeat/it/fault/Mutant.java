package io.exeat.it.fault;

import static io.exeat.it.checker.Invariant.I10_CHAIN;
import static io.exeat.it.checker.Invariant.I11_SECRETS;
import static io.exeat.it.checker.Invariant.I12_CEILING;
import static io.exeat.it.checker.Invariant.I13_LISTED;
import static io.exeat.it.checker.Invariant.I1_ROLES;
import static io.exeat.it.checker.Invariant.I3_TOKENS;
import static io.exeat.it.checker.Invariant.I4_SESSIONS;
import static io.exeat.it.checker.Invariant.I5_CONSERVATION;
import static io.exeat.it.checker.Invariant.I6_RECORDED;
import static io.exeat.it.checker.Invariant.I7_FINITE;

import io.exeat.it.checker.Invariant;
import io.exeat.it.fault.Workload.Part;
import java.util.List;
import java.util.Set;

/** A broker that is broken in one way, and what the checker has to say of it. */
@SuppressWarnings("ImmutableEnumChecker") // Set.of and List.of make immutable ones
enum Mutant {
  SKIPS_REVOKING(
      I1_ROLES,
      Set.of(),
      java(
          "revoke.Revoker",
          "attemptAnyway(condemned, attempt);",
          "attempt.confirmed(time.now());")),

  /** At a database that says yes and does nothing. */
  SKIPS_SHUTTING_AND_LOOKING(
      I1_ROLES,
      Set.of(),
      new Patch(
          "deploy/postgres/prepare.sql",
          "    RAISE EXCEPTION 'not a role that Exeat lends';\n  END IF;\n",
          "    RAISE EXCEPTION 'not a role that Exeat lends';\n  END IF;\n  RETURN;\n"),
      java("revoke.Revoker", "verifier(target).shut(condemned.at(target))", "{}"),
      java(
          "revoke.Revoker",
          "attempt.step(\"look at \" + target, () -> look(target, condemned, attempt))",
          "{}")),

  TRUSTS_204(
      I1_ROLES,
      Set.of(Part.DATABASE_AWAY),
      java("revoke.Revoker", "verifier(target).shut(condemned.at(target))", "{}"),
      java(
          "revoke.Revoker",
          "attempt.step(\"end the lease \" + lease, () -> end(lease, attempt));",
          ""),
      java(
          "revoke.Revoker",
          "attempt.step(\"look at \" + target, () -> look(target, condemned, attempt))",
          "{}")),

  SAYS_DEAD_BEFORE_LOOKING(
      I1_ROLES,
      Set.of(),
      java(
          "revoke.Revoker",
          "attemptAnyway(condemned, attempt);",
          "work.done.complete(new Obituary(time.now(), time.now(), attempt.checks()));"
              + " LockSupport.parkNanos(300_000_000L);"
              + " attemptAnyway(condemned, attempt);")),

  KEEPS_SESSIONS_AFTER_NOLOGIN(
      I4_SESSIONS,
      Set.of(),
      new Patch(
          "deploy/postgres/prepare.sql",
          "count(*) FILTER (WHERE pg_terminate_backend(s.pid)) INTO signalled",
          "0 INTO signalled"),
      java(
          "revoke.Revoker",
          "attempt.step(\"look at \" + target, () -> look(target, condemned, attempt))",
          "{}")),

  /** And takes what Vault says of a certificate's lease for the list's word. */
  LOOKS_AT_NO_LIST(
      I13_LISTED,
      Set.of(Part.CERTIFICATES),
      java("revoke.pki.PkiVerifier", "if (!unexpired.isEmpty()) {", "if (false) {")),

  /** Their tokens and leases end by themselves, some day. */
  SKIPS_REVOKING_CERTIFICATES(
      I13_LISTED,
      Set.of(Part.CERTIFICATES),
      java(
          "revoke.Revoker",
          "attemptAnyway(condemned, attempt);",
          "if (condemned.held().stream().anyMatch(it -> it.principal().contains(\":\")))"
              + " attempt.confirmed(time.now()); else attemptAnyway(condemned, attempt);")),

  DROPS_A_RECORD_OF_AN_ISSUE(
      I6_RECORDED,
      Set.of(),
      java(
          "flow.Exchange",
          "audit.record(new AuditEvent.CredentialIssued(",
          "if (!grant.name().endsWith(\"write\")) audit.record(new AuditEvent.CredentialIssued(")),

  DROPS_A_RECORD_OF_A_DEATH(
      I5_CONSERVATION,
      Set.of(),
      java(
          "flow.Proofs",
          "dead -> audit.recordEnding(new AuditEvent.CredentialDead(dead, obituary.checks()))",
          "dead -> {}")),

  ANSWERS_BEFORE_IT_RECORDS(
      I6_RECORDED,
      Set.of(),
      java(
          "flow.Exchange",
          "audit.record(new AuditEvent.CredentialIssued(held, agent, allowed.decision()));",
          "Thread.ofVirtual().start(() -> {"
              + " java.util.concurrent.locks.LockSupport.parkNanos(300_000_000L); audit.record(new"
              + " AuditEvent.CredentialIssued(held, agent, allowed.decision())); });")),

  BREAKS_THE_CHAIN(
      I10_CHAIN,
      Set.of(),
      java(
          "audit.file.FileAudit",
          "prev = new ChainLine(line, 0, line.length - 1).hash();",
          "prev = ChainLine.NO_HASH;")),

  LENGTHENS_LEASES(
      I7_FINITE,
      Set.of(Part.RENEWAL),
      java("flow.Sweeper", "lease.compareTo(left) < 0 ? lease : left", "left")),

  LENGTHENS_TOKENS(
      I7_FINITE,
      Set.of(Part.RENEWAL),
      java(
          "credential.vault.Tokens",
          "\"ttl\", wholeSeconds(atMost) + \"s\"",
          "\"ttl\", (wholeSeconds(atMost) + 120) + \"s\"")),

  LENDS_ONE_CREDENTIAL_TO_TWO_EPOCHS(
      I6_RECORDED,
      Set.of(),
      java(
          "flow.Exchange",
          "Lent lent = backend.issue(token, grant);",
          "Lent lent = KEPT.computeIfAbsent(task.id() + grant.name(), key -> backend.issue(token,"
              + " grant));"),
      java(
          "flow.Exchange",
          "private final SecretsBackend backend;",
          "private static final java.util.concurrent.ConcurrentMap<String, Lent> KEPT ="
              + " new java.util.concurrent.ConcurrentHashMap<>();"
              + " private final SecretsBackend backend;")),

  LETS_THE_OLD_EPOCH_LIVE(
      I1_ROLES,
      Set.of(),
      java(
          "flow.Endings",
          "drain(changing.id());\n          endEpoch(old, why, recorded);",
          "drain(changing.id());")),

  ISSUES_UNDER_AN_OLD_EPOCH(
      I6_RECORDED,
      Set.of(),
      java(
          "flow.Endings",
          "drain(changing.id());\n          endEpoch(old, why, recorded);",
          "drain(changing.id());"),
      java("flow.Exchange", ".token(task.epoch())\n", ".token(new Epoch(task.id(), 1))\n")),

  FORGETS_ITS_SESSION(
      I3_TOKENS, Set.of(Part.RENEWAL), java("app.Engine", "journal.session(session);", "")),

  SKIPS_THE_END_OF_AN_OLD_SESSION(
      I3_TOKENS,
      Set.of(Part.RESTART, Part.RENEWAL),
      java("flow.Recovery", "backend.endToken(session);\n", "")),

  FORGETS_THE_ACCESSOR(
      I3_TOKENS,
      Set.of(Part.RENEWAL),
      java(
          "flow.Exchange",
          "Durable bound = journal.bind(epoch, token.accessor());",
          "Durable bound = () -> {};")),

  /** Vault would refuse it too, were it not told another agent's name. */
  LENDS_OUTSIDE_THE_CEILING(
      I12_CEILING,
      Set.of(Part.TOO_MUCH),
      java("flow.Ceiling", "if (!outside.isEmpty()) {", "if (outside.size() > 99) {"),
      java("flow.Ceiling", "if (!allowed.contains(grant.name())) {", "if (allowed.isEmpty()) {"),
      java(
          "credential.vault.VaultBackend",
          "Names.check(\"agent\", agent.name())",
          "Names.check(\"agent\", \"clerk\")"),
      java(
          "credential.vault.Tokens",
          "\"entity_alias\", agent.id().toString(),",
          "\"entity_alias\", \"spiffe://example.org/host/h1/agent/clerk\",")),

  LOGS_A_PASSWORD(
      I11_SECRETS,
      Set.of(),
      java(
          "flow.Exchange",
          "holdings.keep(held, lent.secret());",
          "System.err.println(lent.secret().<String>read("
              + "it -> new String(it, java.nio.charset.StandardCharsets.UTF_8)));"
              + " holdings.keep(held, lent.secret());"));

  final Invariant violated;
  final Set<Part> parts;
  final List<Patch> patches;

  Mutant(Invariant violated, Set<Part> parts, Patch... patches) {
    this.violated = violated;
    this.parts = parts;
    this.patches = List.of(patches);
  }

  private static Patch java(String type, String from, String to) {
    return Patch.java("io.exeat." + type, from, to);
  }
}
