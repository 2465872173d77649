package io.exeat.app;

import io.exeat.base.Epoch;
import io.exeat.base.FaultException;
import io.exeat.base.TaskId;
import io.exeat.base.Time;
import io.exeat.credential.vault.VaultBackend;
import io.exeat.revoke.TargetVerifier;
import io.exeat.revoke.kubernetes.KubernetesVerifier;
import io.exeat.task.Target;
import java.util.Map;
import java.util.Optional;

/** The doctor's look at a Kubernetes cluster. */
final class ClusterCheckup {
  private ClusterCheckup() {}

  /** Vault must lend the verifier's account, and the cluster answer it. */
  static void look(Findings findings, VaultBackend backend, Target.Kubernetes target, Time time) {
    try (TargetVerifier verifier =
        new KubernetesVerifier(target, backend, Map::of, Findings.PATIENCE, time)) {
      TargetVerifier.Mark nobody =
          new TargetVerifier.Mark(new Epoch(TaskId.random(), 1), Optional.empty());
      verifier.shut(nobody);
      var _ = verifier.look(nobody);
      findings.ok(
          "target", target.name(), "the verifier can look and shut, by an account of its own");
    } catch (FaultException e) {
      findings.wrong(
          "target",
          target.name(),
          Findings.words(e),
          "see that the API server runs and that the catalogue has its authorities; that Vault's"
              + " own account there may do what docs/kubernetes-accounts.md says; then exeat vault"
              + " apply");
    }
  }
}
