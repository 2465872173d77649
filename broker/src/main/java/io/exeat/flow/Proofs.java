package io.exeat.flow;

import io.exeat.audit.AuditEvent;
import io.exeat.audit.AuditSink;
import io.exeat.base.CredentialId;
import io.exeat.base.FaultException;
import io.exeat.credential.Held;
import io.exeat.credential.Holdings;
import io.exeat.journal.Journal;
import io.exeat.revoke.Condemned;
import io.exeat.revoke.Obituary;
import io.exeat.revoke.Receipt;
import io.exeat.revoke.ReceiptSigner;
import io.exeat.revoke.SaltedHash;
import io.spiffe.spiffeid.SpiffeId;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicBoolean;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Writes down what was proven dead: in the audit chain, as a receipt that the broker signs, and
 * only then in the journal. A receipt that cannot be signed now, or an audit that has it in memory
 * alone, keeps nobody waiting: the journal still holds what it is of, so that a restart proves it
 * dead again, and signs and records it then.
 */
final class Proofs {
  private static final Logger LOG = LoggerFactory.getLogger(Proofs.class);

  private static final String UNRECALLED =
      "; who takes it asks nobody whether it still holds: it worked until its end";

  private final Holdings holdings;
  private final AuditSink audit;
  private final Journal journal;
  private final ReceiptSigner signer;
  private final Queue<Unsigned> unsigned = new ConcurrentLinkedQueue<>();
  private final AtomicBoolean signing = new AtomicBoolean();

  /** Whose it was, why it had to end, and when that was asked for. */
  record Reason(SpiffeId agent, String cause, Instant askedAt) {}

  /**
   * What waits.
   *
   * @param receipts not signed yet
   * @param then tells the journal
   */
  private record Unsigned(List<Receipt> receipts, Runnable then) {}

  Proofs(Holdings holdings, Steps steps) {
    this.holdings = holdings;
    this.audit = steps.audit();
    this.journal = steps.journal();
    this.signer = steps.signer();
  }

  /** One credential of an epoch that goes on is dead. */
  void dead(Held held, Reason why, Obituary obituary) {
    List<Receipt> receipt = List.of(receipt(held, why, obituary));
    CompletableFuture<Boolean> signed = sign(receipt);
    record(held, obituary);
    whenSigned(signed, receipt, () -> journal.dead(held.id(), obituary.deadAt()));
  }

  /** A whole epoch is dead, and each credential of it that was not before. */
  void dead(Condemned.WholeEpoch epoch, Reason why, Obituary obituary) {
    List<Receipt> receipts = new ArrayList<>();
    epoch.held().forEach(held -> receipts.add(receipt(held, why, obituary)));
    receipts.add(
        new Receipt(
            epoch.epoch(),
            why.agent(),
            new Receipt.WholeEpoch(
                epoch.token().map(token -> SaltedHash.of(token.value())),
                epoch.targets().stream().sorted().toList()),
            why.cause(),
            why.askedAt(),
            outcome(obituary)));
    CompletableFuture<Boolean> signed = sign(receipts);
    epoch.held().forEach(held -> record(held, obituary));
    audit.recordEnding(new AuditEvent.EpochDead(epoch.epoch(), obituary.checks()));
    whenSigned(signed, receipts, () -> journal.settled(epoch.epoch()));
  }

  /** How many receipts wait for the broker to have an SVID again, or for the audit. */
  int waiting() {
    return unsigned.stream().mapToInt(each -> each.receipts().size()).sum();
  }

  /** Signs what could not be signed before, if it can be now; returns at once. */
  void signLater() {
    if (!unsigned.isEmpty() && signing.compareAndSet(false, true)) {
      Chains.onItsOwn(() -> {
        try {
          for (Unsigned next = unsigned.peek(); next != null; next = unsigned.peek()) {
            if (audit.problem().isPresent() || !signAndRecord(next.receipts())) {
              return;
            }
            next.then().run();
            unsigned.remove(next);
          }
        } finally {
          signing.set(false);
        }
      });
    }
  }

  /** Beside the other records, so that one fsync is for all. */
  private CompletableFuture<Boolean> sign(List<Receipt> receipts) {
    return CompletableFuture.supplyAsync(() -> signAndRecord(receipts), Chains::onItsOwn);
  }

  private void whenSigned(
      CompletableFuture<Boolean> signed, List<Receipt> receipts, Runnable then) {
    boolean isSigned = signed.join();
    if (isSigned && audit.problem().isEmpty()) {
      then.run();
    } else {
      unsigned.add(new Unsigned(isSigned ? List.of() : receipts, then));
    }
  }

  private boolean signAndRecord(List<Receipt> receipts) {
    List<AuditEvent> signed = new ArrayList<>();
    try {
      for (Receipt receipt : receipts) {
        signed.add(
            new AuditEvent.ReceiptSigned(
                receipt.epoch(),
                credential(receipt),
                receipt.agent().toString(),
                signer.sign(receipt)));
      }
    } catch (FaultException e) {
      LOG.warn("Receipts of {} wait: {}", receipts.getFirst().epoch(), e.getMessage());
      return false;
    }
    CompletableFuture.allOf(
            signed.stream()
                .map(event ->
                    CompletableFuture.runAsync(() -> audit.recordEnding(event), Chains::onItsOwn))
                .toArray(CompletableFuture[]::new))
        .join();
    return true;
  }

  private void record(Held held, Obituary obituary) {
    holdings.revoked(held.id(), obituary.deadAt());
    holdings
        .find(held.id())
        .ifPresent(
            dead -> audit.recordEnding(new AuditEvent.CredentialDead(dead, obituary.checks())));
  }

  private static Receipt receipt(Held held, Reason why, Obituary obituary) {
    return new Receipt(
        held.epoch(),
        why.agent(),
        new Receipt.Credential(
            held.id(),
            switch (held.kind()) {
              case POSTGRES_ROLE -> Receipt.Kind.POSTGRES_ROLE;
              case CERTIFICATE -> Receipt.Kind.CERTIFICATE;
              case SSH_CERTIFICATE -> Receipt.Kind.SSH_CERTIFICATE;
              case SERVICE_ACCOUNT -> Receipt.Kind.SERVICE_ACCOUNT;
            },
            held.grant(),
            held.target(),
            held.principal(),
            SaltedHash.of(held.lease().value()),
            held.issuedAt(),
            held.expiresAt()),
        why.cause(),
        why.askedAt(),
        held.kind().isRecalled()
            ? outcome(obituary)
            : new Receipt.CannotBeRecalled(
                held.expiresAt(), String.join("; ", obituary.checks()) + UNRECALLED));
  }

  private static Receipt.Outcome outcome(Obituary obituary) {
    return new Receipt.Dead(obituary.confirmedAt(), obituary.deadAt(), obituary.checks());
  }

  private static Optional<CredentialId> credential(Receipt receipt) {
    return receipt.what() instanceof Receipt.Credential it
        ? Optional.of(it.id())
        : Optional.empty();
  }
}
