package io.exeat.app;

import io.exeat.base.FaultException;
import io.exeat.base.Time;
import io.exeat.credential.vault.VaultBackend;
import io.exeat.revoke.pki.PkiVerifier;
import io.exeat.task.Target;

/** The doctor's look at an issuer of certificates. */
final class CertificateCheckup {
  private CertificateCheckup() {}

  /** Each of its lists is fetched, and must be its issuer's and hold now. */
  static void look(Findings findings, VaultBackend backend, Target.Pki target, Time time) {
    try (PkiVerifier verifier =
        new PkiVerifier(target, backend, backend::clockAhead, Findings.PATIENCE, time)) {
      verifier.requireLists();
      findings.ok(
          "target", target.name(), "the revocation list of issuer " + target.issuer() + " holds");
    } catch (FaultException e) {
      findings.wrong(
          "target",
          target.name(),
          Findings.words(e),
          "see that Vault has this issuer, that its list is built (pki/config/crl), and that it is"
              + " published where lists says");
    }
  }
}
