package io.exeat.app;

import static org.assertj.core.api.Assertions.assertThat;

import io.exeat.audit.AuditEvent;
import io.exeat.flow.Status;
import io.exeat.policy.CaseSuite;
import io.exeat.policy.Decision;
import io.exeat.policy.PolicyConfig;
import io.exeat.policy.PolicyEngines;
import io.exeat.policy.PolicyFiles;
import io.exeat.policy.Question;
import io.exeat.policy.QuestionJson;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Policies that change while the broker runs. */
final class PolicyWatchTest {
  private static final Question QUESTION = QuestionJson.read(CaseSuite.example());
  private static final String ALL = "@id(\"all\") permit (principal, action, resource);\n";
  private static final String NONE = "@id(\"none\") forbid (principal, action, resource);\n";
  private static final String BROKEN = "@id(\"all\") permit (principal, action";

  @TempDir private Path folder;

  private void write(String policies) throws IOException {
    Files.writeString(folder.resolve("all.cedar"), policies);
  }

  private PolicyWatch watch() {
    return new PolicyWatch(
        new PolicyConfig.Cedar(Optional.of(folder), PolicyEngines.LONG), PolicyEngines.TIME);
  }

  @Test
  void whatIsWrittenIsInForceAfterTheNextLook() throws IOException {
    write(ALL);
    PolicyWatch watch = watch();
    Decision before = watch.decide(QUESTION);
    assertThat(before.word()).isEqualTo("permit");

    write(NONE);
    watch.look();

    Decision after = watch.decide(QUESTION);
    assertThat(after.word()).isEqualTo("deny");
    assertThat(after.policy()).hasSize(64).isNotEqualTo(before.policy());
    assertThat(watch.health().available()).isTrue();
  }

  /** Wherever the files are and whenever they were put there: drift is seen, and nothing else. */
  @Test
  void aFleetWithOneSetHasOneHashInEveryDecisionAndInItsFigures(@TempDir Path elsewhere)
      throws IOException {
    write(ALL);
    Files.writeString(folder.resolve("more.cedar"), NONE.replace("forbid", "permit"));
    Files.writeString(elsewhere.resolve("more.cedar"), NONE.replace("forbid", "permit"));
    Files.writeString(elsewhere.resolve("all.cedar"), ALL);
    PolicyWatch one = watch();
    PolicyWatch other =
        new PolicyWatch(
            new PolicyConfig.Cedar(Optional.of(elsewhere), PolicyEngines.LONG), PolicyEngines.TIME);
    String hash = one.decide(QUESTION).policy();
    assertThat(hash).hasSize(64);
    assertThat(other.decide(QUESTION).policy()).isEqualTo(hash);
    assertThat(List.of(one.sha256(), other.sha256())).containsOnly(Optional.of(hash));

    Files.writeString(elsewhere.resolve("all.cedar"), ALL + "// another");
    other.look();

    String drifted = other.decide(QUESTION).policy();
    assertThat(drifted).hasSize(64).isNotEqualTo(hash);
    assertThat(other.sha256()).contains(drifted);
    assertThat(one.decide(QUESTION).policy()).isEqualTo(hash);
    one.close();
    other.close();
  }

  @Test
  void aBrokenSetLeavesTheLastGoodOneInForceAndHealthSaysSinceWhen() throws IOException {
    write(ALL);
    PolicyWatch watch = watch();
    Decision before = watch.decide(QUESTION);
    Duration age = watch.status().age().orElseThrow();
    assertThat(watch.status().reloadFailed()).isFalse();

    write(BROKEN);
    watch.look();

    assertThat(watch.decide(QUESTION)).isEqualTo(before);
    assertThat(watch.health().problem().orElseThrow())
        .contains("the policies as last taken are still in force")
        .contains(folder.toString());
    assertThat(watch.status().sha256()).isEqualTo(before.policy());
    assertThat(watch.status().age().orElseThrow()).isGreaterThan(age);
    assertThat(watch.status().reloadFailed()).isTrue();
    var since = watch.health().since();
    write(BROKEN + " ");
    watch.look();
    assertThat(watch.health().since()).isEqualTo(since);
    write(ALL);
    watch.look();
    assertThat(watch.health().available()).isTrue();
    assertThat(watch.status().reloadFailed()).isFalse();
  }

  /** Of ours, or of a library's: not the files' fault, so they are tried again as they are. */
  @Test
  void aDefectLeavesTheLastGoodSetInForceRaisesTheAlarmOnceAndIsTriedAgain() throws IOException {
    write(ALL);
    AtomicBoolean defective = new AtomicBoolean();
    PolicyWatch watch =
        new PolicyWatch(
            new PolicyConfig.Cedar(Optional.of(folder), PolicyEngines.LONG),
            PolicyEngines.TIME,
            from -> {
              if (defective.get()) {
                throw new IllegalStateException("a defect");
              }
              return PolicyFiles.read(from);
            });
    Decision before = watch.decide(QUESTION);
    List<AuditEvent> told = new ArrayList<>();
    watch.tell(told::add);
    told.clear();

    defective.set(true);
    write(NONE);
    watch.look();
    watch.look();

    assertThat(watch.decide(QUESTION)).isEqualTo(before);
    assertThat(watch.status().reloadFailed()).isTrue();
    assertThat(watch.health().problem().orElseThrow()).contains("a defect");
    assertThat(told)
        .containsExactly(new AuditEvent.PolicyRefused(watch.health().problem().orElseThrow()));

    defective.set(false);
    watch.look();

    assertThat(watch.decide(QUESTION).word()).isEqualTo("deny");
    assertThat(watch.status().reloadFailed()).isFalse();
  }

  @Test
  void whatIsTakenAndWhatIsRefusedIsTold() throws IOException {
    write(ALL);
    PolicyWatch watch = watch();
    String sha256 = watch.decide(QUESTION).policy();
    List<AuditEvent> told = new ArrayList<>();
    watch.tell(told::add);

    write(BROKEN);
    watch.look();
    watch.look();

    assertThat(told)
        .containsExactly(
            new AuditEvent.PolicyTaken(sha256, folder.toString()),
            new AuditEvent.PolicyRefused(watch.health().problem().orElseThrow()));
  }

  @Test
  void aSetThatFailsItsOwnCasesLeavesTheLastGoodOneInForce() throws IOException {
    write(ALL);
    PolicyWatch watch = watch();
    assertThat(watch.decide(QUESTION).word()).isEqualTo("permit");

    Files.writeString(
        folder.resolve("all.cases.yaml"), "cases: [{name: as it was, expect: permit}]");
    write(NONE);
    watch.look();

    assertThat(watch.decide(QUESTION).word()).isEqualTo("permit");
    assertThat(watch.health().problem().orElseThrow())
        .contains("as it was: expected permit, was deny");
  }

  @Test
  void aFolderThatIsGoneLeavesTheLastGoodOneInForce() throws IOException {
    write(ALL);
    PolicyWatch watch = watch();
    assertThat(watch.decide(QUESTION).word()).isEqualTo("permit");

    Files.delete(folder.resolve("all.cedar"));
    Files.delete(folder);
    watch.look();

    assertThat(watch.decide(QUESTION).word()).isEqualTo("permit");
    assertThat(watch.health().problem().orElseThrow()).contains("still in force", "read");
    Files.createDirectory(folder);
  }

  @Test
  void aSetThatIsBrokenAtTheStartDeniesEverythingUntilItIsMended() throws IOException {
    write(BROKEN);
    PolicyWatch watch = watch();

    assertThat(watch.decide(QUESTION)).isInstanceOf(Decision.Failed.class);
    assertThat(watch.health().problem().orElseThrow()).contains("everything is denied");
    assertThat(watch.status()).isEqualTo(new Status.Policy("", Optional.empty(), false));

    write(ALL);
    watch.look();
    assertThat(watch.decide(QUESTION).word()).isEqualTo("permit");
  }

  @Test
  void withoutAFileThereIsNothingInForce() {
    assertThat(watch().decide(QUESTION)).isInstanceOf(Decision.Failed.class);
  }

  @Test
  void everyDecisionDuringAChangeIsOneSetsOrTheOthers() throws Exception {
    write(ALL);
    PolicyWatch watch = watch();
    Set<String> seen = ConcurrentHashMap.newKeySet();
    AtomicBoolean stop = new AtomicBoolean();
    List<Thread> asking =
        IntStream.range(0, 2)
            .mapToObj(i ->
                Thread.ofPlatform()
                    .start(() -> {
                      while (!stop.get()) {
                        Decision decision = watch.decide(QUESTION);
                        seen.add(decision.word() + decision.because());
                      }
                    }))
            .toList();

    for (int i = 0; i < 10; i++) {
      write((i % 2 == 0 ? NONE : ALL) + "// " + i);
      watch.look();
    }
    stop.set(true);
    for (Thread each : asking) {
      each.join();
    }

    assertThat(seen).isSubsetOf("permit[all]", "deny[none]").hasSize(2);
  }
}
