package io.exeat.it.kube;

import static org.assertj.core.api.Assertions.assertThat;

import io.exeat.it.Needs;
import io.exeat.it.environment.Helm;
import io.exeat.it.environment.Kubernetes;
import io.exeat.it.environment.Kubernetes.Said;
import io.exeat.it.environment.Manifests;
import io.exeat.it.environment.Packaged;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.awaitility.Awaitility;
import org.jspecify.annotations.NullMarked;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is written for cert-manager, on a real API server that has its own definitions. */
@NullMarked
final class CertManagersKindsAreTakenIT {
  private static final Path DEPLOY = Packaged.root().resolve("deploy");
  private static final String GROUP = "/apis/cert-manager.io/v1/";

  @TempDir private Path folder;

  @Test
  void everyFieldIsOneOfTheirs() throws Exception {
    Path binaries = Needs.part("kubernetes", Kubernetes.binaries());
    Path definitions =
        Needs.part(
            "cert-manager", Optional.ofNullable(System.getenv("CERT_MANAGER_CRDS")).map(Path::of));
    Helm helm = Helm.in(folder);
    try (Kubernetes kubernetes = Kubernetes.start(binaries, folder)) {
      for (Path each : files(definitions)) {
        for (String definition : Manifests.all(Files.readString(each))) {
          done(Manifests.apply(kubernetes, definition, ""));
        }
      }
      for (String plural : List.of("certificates", "issuers", "clusterissuers")) {
        Awaitility.await()
            .atMost(Duration.ofSeconds(60))
            .until(() -> kubernetes.get(GROUP + plural).done());
      }
      for (String name : List.of("exeat", "cert-manager", "openbao", "databases")) {
        done(
            Manifests.apply(
                kubernetes,
                "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: " + name + "\n",
                ""));
      }

      List<String> examples =
          theirs(Files.readString(DEPLOY.resolve("examples/planner-and-worker/certificates.yaml")));
      assertThat(examples).hasSize(5);
      List<String> ours = new ArrayList<>(examples);
      for (String form : List.of("all-in-one", "relayed", "node")) {
        List<String> shipped =
            theirs(Files.readString(DEPLOY.resolve("kubernetes/" + form + ".yaml")));
        assertThat(shipped).as(form).hasSize(4);
        ours.addAll(shipped);
      }
      ours.addAll(
          theirs(
              helm.template(
                  "--set",
                  "trustDomain=example.org,agents.namespaces[0]=a",
                  "-s",
                  "templates/certificate.yaml")));
      assertThat(ours).hasSize(5 + 3 * 4 + 4);
      for (String document : ours) {
        done(Manifests.apply(kubernetes, document, ""));
      }

      // So that the test can fail: a field that nobody knows, one of another type, and a value
      // that is not one of theirs.
      String injectors =
          ours.stream().filter(it -> it.contains("rotationPolicy: ")).findFirst().orElseThrow();
      refused(kubernetes, injectors, "dnsNames: [", "hostNames: [", "hostNames");
      refused(kubernetes, injectors, "size: 256", "size: small", "size");
      refused(kubernetes, injectors, "rotationPolicy: Always", "rotationPolicy: Daily", "Daily");
    }
  }

  private static void refused(
      Kubernetes kubernetes, String document, String is, String not, String why) {
    assertThat(document).contains(is);
    Said said = Manifests.apply(kubernetes, document.replace(is, not), "");
    assertThat(said.done()).isFalse();
    assertThat(said.message()).contains(why);
  }

  private static List<String> theirs(String text) {
    return Manifests.all(text).stream()
        .filter(document -> document.contains("\napiVersion: cert-manager.io/"))
        .toList();
  }

  private static List<Path> files(Path folder) throws IOException {
    try (Stream<Path> all = Files.list(folder)) {
      return all.filter(each -> each.toString().endsWith(".yaml")).sorted().toList();
    }
  }

  private static Said done(Said said) {
    assertThat(said.done()).as("%s %s", said.status(), said.message()).isTrue();
    return said;
  }
}
