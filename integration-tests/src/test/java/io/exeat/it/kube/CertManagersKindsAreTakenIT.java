package io.exeat.it.kube;

import static org.assertj.core.api.Assertions.assertThat;

import io.exeat.it.Needs;
import io.exeat.it.environment.Helm;
import io.exeat.it.environment.Kubernetes;
import io.exeat.it.environment.Manifests;
import io.exeat.it.environment.Packaged;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.NullMarked;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is written for cert-manager, on a real API server that has its own definitions. */
@NullMarked
final class CertManagersKindsAreTakenIT {
  private static final Path DEPLOY = Packaged.root().resolve("deploy");

  @TempDir private Path folder;

  @Test
  void everyFieldIsOneOfTheirs() throws Exception {
    Path binaries = Needs.part("kubernetes", Kubernetes.binaries());
    Path definitions =
        Needs.part(
            "cert-manager", Optional.ofNullable(System.getenv("CERT_MANAGER_CRDS")).map(Path::of));
    Helm helm = Helm.in(folder);
    try (ForeignKinds theirs =
        new ForeignKinds(
            binaries,
            folder,
            "cert-manager.io/v1",
            ForeignKinds.definitions(definitions),
            List.of("certificates", "issuers", "clusterissuers"))) {
      for (String name : List.of("exeat", "cert-manager", "openbao", "databases")) {
        theirs.take("apiVersion: v1\nkind: Namespace\nmetadata:\n  name: " + name + "\n");
      }

      List<String> examples =
          certManagers(
              Files.readString(DEPLOY.resolve("examples/planner-and-worker/certificates.yaml")));
      assertThat(examples).hasSize(5);
      List<String> ours = new ArrayList<>(examples);
      for (String form : List.of("all-in-one", "relayed", "node")) {
        List<String> shipped =
            certManagers(Files.readString(DEPLOY.resolve("kubernetes/" + form + ".yaml")));
        assertThat(shipped).as(form).hasSize(4);
        ours.addAll(shipped);
      }
      ours.addAll(
          certManagers(
              helm.template(
                  "--set",
                  "trustDomain=example.org,agents.namespaces[0]=a",
                  "-s",
                  "templates/certificate.yaml")));
      assertThat(ours).hasSize(5 + 3 * 4 + 4);
      ours.forEach(theirs::take);

      // So that the test can fail: a field that nobody knows, one of another type, and a value
      // that is not one of theirs.
      String injectors =
          ours.stream().filter(it -> it.contains("rotationPolicy: ")).findFirst().orElseThrow();
      theirs.refuse(injectors, "dnsNames: ", "hostNames: ", "hostNames");
      theirs.refuse(injectors, "size: 256", "size: small", "size");
      theirs.refuse(injectors, "rotationPolicy: Always", "rotationPolicy: Daily", "Daily");
    }
  }

  private static List<String> certManagers(String text) {
    return Manifests.all(text).stream()
        .filter(document -> document.contains("\napiVersion: cert-manager.io/"))
        .toList();
  }
}
