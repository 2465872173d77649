package io.exeat.flow;

import io.exeat.attest.Attestor;
import io.exeat.audit.AuditSink;
import io.exeat.base.Time;
import io.exeat.credential.SecretsBackend;
import io.exeat.journal.Journal;
import io.exeat.policy.PolicyEngine;
import io.exeat.revoke.ReceiptSigner;
import io.exeat.revoke.Revoker;
import io.exeat.task.Catalogue;
import java.util.function.Supplier;

/** What the stories are told with: each step in the mode that the configuration chose. */
public record Steps(
    Attestor attestor,
    Supplier<Catalogue> catalogue,
    PolicyEngine policy,
    SecretsBackend backend,
    Revoker revoker,
    ReceiptSigner signer,
    Journal journal,
    AuditSink audit,
    Time time) {}
