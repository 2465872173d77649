package io.exeat.app;

import static org.assertj.core.api.Assertions.assertThat;

import io.exeat.policy.CaseSuite;
import io.exeat.policy.PolicyConfig;
import io.exeat.policy.PolicyEngines;
import io.exeat.policy.Question;
import io.exeat.policy.QuestionJson;
import io.exeat.task.ApproverDoors;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A volume of a ConfigMap: each file is a link through {@code ..data}, which the kubelet points at
 * another folder in one step.
 */
final class AConfigMapChangesTest {
  private static final Question QUESTION = QuestionJson.read(CaseSuite.example());
  private static final String POLICY = "@id(\"all\") %s (principal, action, resource);\n";
  private static final String CATALOGUE =
      """
      version: 1
      targets: {orders-db: {environment: test, postgres: {host: h, port: 1, database: o, tls: true}}}
      grants: {%s: {target: orders-db, actions: [read], data-class: internal, delivery: raw,
        lease: 5m, postgres: {privileges: [{on: public.orders, allow: [select]}]}}}
      """;

  @TempDir private Path volume;

  /** As the kubelet's AtomicWriter does it. */
  private void project(int version, Map<String, String> files) throws IOException {
    Path next = Files.createDirectory(volume.resolve("..2026_01_0" + version));
    for (Map.Entry<String, String> file : files.entrySet()) {
      Files.writeString(next.resolve(file.getKey()), file.getValue());
    }
    Path data = volume.resolve("..data");
    Path before = Files.exists(data) ? data.toRealPath() : null;
    Path swapped = volume.resolve("..data_tmp");
    Files.createSymbolicLink(swapped, next.getFileName());
    Files.move(swapped, data, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    for (String name : files.keySet()) {
      if (!Files.isSymbolicLink(volume.resolve(name))) {
        Files.createSymbolicLink(volume.resolve(name), Path.of("..data", name));
      }
    }
    if (before != null) {
      for (String name : files.keySet()) {
        Files.delete(before.resolve(name));
      }
      Files.delete(before);
    }
  }

  @Test
  void theCatalogueIsReadAgain() throws IOException {
    project(1, Map.of("catalogue.yaml", CATALOGUE.formatted("orders-read")));
    CatalogueWatch watch = new CatalogueWatch(volume.resolve("catalogue.yaml"), doors(0));
    assertThat(watch.get().grants().keySet()).hasToString("[orders-read]");

    project(2, Map.of("catalogue.yaml", CATALOGUE.formatted("orders-look")));
    watch.look();

    assertThat(watch.get().grants().keySet()).hasToString("[orders-look]");
    assertThat(watch.problem()).isEmpty();
  }

  @Test
  void anApproverWhomNoDoorLetsInIsNotTakenIn() throws IOException {
    project(1, Map.of("catalogue.yaml", CATALOGUE.formatted("orders-read")));
    CatalogueWatch watch = new CatalogueWatch(volume.resolve("catalogue.yaml"), doors(1000));
    String agents =
        """
        intents: {answer: {description: Answers}}
        agents: {clerk: {spiffe-id: "spiffe://example.org/clerk", owner: o, escalation: e,
          grants: [orders-read], intents: [answer], approvers: ["uid %d"]}}
        """;

    project(2, Map.of("catalogue.yaml", CATALOGUE.formatted("orders-read") + agents.formatted(0)));
    watch.look();
    assertThat(watch.get().agents()).isEmpty();
    assertThat(watch.problem().orElseThrow()).contains("uid 0 is not in admin.uids");

    project(
        3, Map.of("catalogue.yaml", CATALOGUE.formatted("orders-read") + agents.formatted(1000)));
    watch.look();
    assertThat(watch.problem()).isEmpty();
    assertThat(watch.get().agents()).containsOnlyKeys("clerk");
  }

  private static ApproverDoors doors(int operator) {
    return new ApproverDoors(Set.of(operator), false);
  }

  @Test
  void policiesAreReadAgain() throws IOException {
    project(1, Map.of("all.cedar", POLICY.formatted("permit")));
    try (PolicyWatch watch =
        new PolicyWatch(
            new PolicyConfig.Cedar(Optional.of(volume), PolicyEngines.LONG), PolicyEngines.TIME)) {
      watch.look(); // and have it: on a slow machine the engine takes its time
      assertThat(watch.decide(QUESTION).word()).isEqualTo("permit");

      project(2, Map.of("all.cedar", POLICY.formatted("forbid")));
      watch.look();

      assertThat(watch.decide(QUESTION).word()).isEqualTo("deny");
      assertThat(watch.health().available()).isTrue();
    }
  }
}
