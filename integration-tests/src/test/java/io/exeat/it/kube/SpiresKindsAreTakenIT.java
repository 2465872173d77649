package io.exeat.it.kube;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.exeat.it.Needs;
import io.exeat.it.environment.ControllerManager;
import io.exeat.it.environment.Helm;
import io.exeat.it.environment.Kubernetes;
import io.exeat.it.environment.Manifests;
import io.exeat.it.environment.Packaged;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.NullMarked;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is written for spire-controller-manager, on a real API server that knows its kinds. */
@NullMarked
final class SpiresKindsAreTakenIT {
  private static final Path SPIRE = Packaged.root().resolve("spire-config");

  @TempDir private Path folder;

  @Test
  void everyFieldIsOneOfTheirsAndTheHostsEntriesAreTheSameAsSpiresOwn() throws Exception {
    Path binaries = Needs.part("kubernetes", Kubernetes.binaries());
    Helm helm = Helm.in(folder);
    List<String> plurals =
        List.of("clusterspiffeids", "clusterstaticentries", "clusterfederatedtrustdomains");
    try (ForeignKinds theirs =
        new ForeignKinds(
            binaries, folder, "spire.spiffe.io/v1alpha1", ControllerManager.kinds(), plurals)) {
      List<String> ours = new ArrayList<>();
      for (String plural : plurals) {
        ours.addAll(
            Manifests.all(Files.readString(SPIRE.resolve("kubernetes/" + plural + ".yaml"))));
      }
      for (String values :
          List.of("form=relayed", "injector.certificate.mode=svid", "node.enabled=true")) {
        String rendered =
            helm.template(
                "--set",
                "trustDomain=example.org,agents.namespaces[0]=a," + values,
                "-s",
                "templates/spiffeids.yaml");
        ours.addAll(Manifests.all(rendered));
      }
      ours.forEach(theirs::take);

      // So that the test can fail: a field that nobody knows, and one of another type.
      String first = ours.getFirst();
      theirs.refuse(first, "  hint: ", "  hints: ", "hints");
      theirs.refuse(first, "  hint: \\w+", "  hint: [agent]", "hint");

      assertThat(entries(theirs)).containsExactlyInAnyOrderElementsOf(spiresOwn());
    }
  }

  /** ID, parent and hint of each host's entry that the API server has. */
  private static List<String> entries(ForeignKinds theirs) {
    List<String> all = new ArrayList<>();
    for (JsonNode each : theirs.all("clusterstaticentries").body().get("items")) {
      JsonNode spec = each.get("spec");
      all.add(
          line(
              spec.path("spiffeID").asText(),
              spec.path("parentID").asText(),
              spec.path("hint").asText()));
    }
    return all;
  }

  /** The same of {@code entries.json} and {@code oidc-entries.json}. */
  private static List<String> spiresOwn() throws IOException {
    List<String> all = new ArrayList<>();
    for (String file : List.of("entries.json", "oidc-entries.json")) {
      String text = Files.readString(SPIRE.resolve(file)).replaceAll("(: )\\$\\{\\w+}", "$10");
      for (JsonNode each : Manifests.json(text).get("entries")) {
        all.add(
            line(
                each.path("spiffe_id").asText(),
                each.path("parent_id").asText(),
                each.path("hint").asText()));
      }
    }
    return all;
  }

  private static String line(String id, String parent, String hint) {
    return id + " of " + parent + " as '" + hint + "'";
  }
}
