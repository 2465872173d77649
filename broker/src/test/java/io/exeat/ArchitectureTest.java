package io.exeat;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.Dependency;
import com.tngtech.archunit.core.domain.JavaAccess;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.lang.ArchCondition;
import com.tngtech.archunit.lang.ConditionEvents;
import com.tngtech.archunit.lang.SimpleConditionEvent;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.jspecify.annotations.NullMarked;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/** Reading order is import order: a package knows those before it, never those after it. */
@NullMarked
final class ArchitectureTest {

  private static final List<String> ORDER =
      List.of(
          "base",
          "config",
          "identity",
          "attest",
          "task",
          "delegate",
          "policy",
          "approve",
          "credential",
          "journal",
          "audit",
          "revoke",
          "flow",
          "gateway",
          "kube",
          "cli",
          "app");

  /** A library, by the start of its class names, and the only packages that may know it. */
  private static final Map<String, List<String>> HOMES =
      Map.of(
          "io.grpc.", List.of("identity", "attest", "gateway", "cli", "app"),
          "com.cedarpolicy.", List.of("policy.cedar"),
          "io.github.jopenlibs.", List.of("credential.vault"),
          "java.sql.", List.of("journal.sqlite", "revoke.postgres", "credential.vault", "app"),
          "org.bouncycastle.", List.of("identity.development", "credential.vault"),
          "io.prometheus.", List.of("gateway.metrics"),
          "picocli.", List.of("cli", "app"));

  /** What may look at two wall times, and each because they are not two moments of ours. */
  private static final Set<String> COMPARING =
      Set.of(
          "io.exeat.app.VaultCheckup",
          "io.exeat.credential.SshCertificate",
          "io.exeat.credential.vault.VaultClock",
          "io.exeat.kube.ServingCertificate",
          "io.exeat.revoke.ReceiptVerifier",
          "io.exeat.revoke.kubernetes.Cluster",
          "io.exeat.revoke.kubernetes.ClusterClock",
          "io.exeat.revoke.pki.PkiVerifier",
          "io.exeat.revoke.pki.RevocationList",
          "io.exeat.revoke.postgres.DatabaseClock",
          "io.exeat.revoke.postgres.Link",
          "io.exeat.revoke.postgres.Logins",
          "io.exeat.revoke.ttl.EndsByItself",
          "io.exeat.task.Task");

  private static final int MOST_LINES = 300;

  /** Imported once: reading the class files is nearly all of the time this test takes. */
  private static final JavaClasses BROKER =
      new ClassFileImporter().importPath(Path.of("target/classes"));

  @TestFactory
  Stream<DynamicTest> aPackageKnowsOnlyThoseBeforeIt() {
    return ORDER.stream()
        .map(root ->
            dynamicTest(
                root,
                () ->
                    noClasses()
                        .that(are(root))
                        .should()
                        .dependOnClassesThat(
                            are(
                                ORDER
                                    .subList(ORDER.indexOf(root) + 1, ORDER.size())
                                    .toArray(String[]::new)))
                        .allowEmptyShould(true)
                        .check(BROKER)));
  }

  /** A new package is added to the order on purpose. */
  @Test
  void everyClassHasAPlaceInTheOrder() {
    classes().should(be(ORDER.toArray(String[]::new))).allowEmptyShould(true).check(BROKER);
  }

  /**
   * A mode is a sub-package. Features talk to the interface above it, so that choosing a mode is
   * the wiring's alone. The doors in the gateway may share among themselves.
   */
  @Test
  void aModeIsNamedOnlyByItselfAndTheWiring() {
    classes().should(nameNoModeOfOthers()).allowEmptyShould(true).check(BROKER);
  }

  @TestFactory
  Stream<DynamicTest> aLibraryIsUsedOnlyAtHome() {
    return HOMES.entrySet().stream()
        .map(home ->
            dynamicTest(
                home.getKey(),
                () ->
                    noClasses()
                        .that(areOutside(home.getValue().toArray(String[]::new)))
                        .should()
                        .dependOnClassesThat(
                            DescribedPredicate.describe(
                                "are of " + home.getKey(),
                                type -> type.getName().startsWith(home.getKey())))
                        .allowEmptyShould(true)
                        .check(BROKER)));
  }

  /** Everybody else is given a clock, the settings and a way to wait, so that tests are too. */
  @Test
  void theClockTheEnvironmentAndWaitingComeFromOutside() {
    noClasses()
        .that(areOutside("cli", "app"))
        .should()
        .accessTargetWhere(
            DescribedPredicate.describe(
                "it is the present, the environment or a sleep",
                access ->
                    (isCall(access, Instant.class.getName(), "now")
                            && !access.getTarget().getFullName().contains("Clock"))
                        || isCall(access, System.class.getName(), "getenv")
                        || isCall(access, System.class.getName(), "getProperty")
                        || isCall(access, Thread.class.getName(), "sleep")))
        .allowEmptyShould(true)
        .check(BROKER);
  }

  /**
   * The wall clock may be set at any moment: spans are measured on the monotonic one ({@code
   * Time.after}, {@code reached}, {@code until}, {@code since}). Wall times are compared only where
   * others state them: certificates, tokens, the clocks of Vault and the targets.
   */
  @Test
  void aSpanIsNotMeasuredOnTheWallClock() {
    noClasses()
        .that(areOutside("identity", "attest", "cli"))
        .and(
            DescribedPredicate.describe(
                "compare no clocks", type -> !COMPARING.contains(type.getName())))
        .should()
        .accessTargetWhere(
            DescribedPredicate.describe(
                "it measures on the wall clock",
                access ->
                    isCall(access, Duration.class.getName(), "between")
                        || isCall(access, Instant.class.getName(), "isAfter")
                        || isCall(access, Instant.class.getName(), "isBefore")
                        || isCall(access, Instant.class.getName(), "until")
                        || isCall(access, Instant.class.getName(), "toEpochMilli")
                        || isCall(access, System.class.getName(), "currentTimeMillis")))
        .allowEmptyShould(true)
        .check(BROKER);
  }

  /** Whoever is added to this list can see a secret, and can let it out. */
  @Test
  void aSecretIsReadOnlyWhereItIsUsed() {
    noClasses()
        .that(areOutside("base", "identity", "credential", "revoke", "gateway"))
        .should()
        .accessTargetWhere(
            DescribedPredicate.describe(
                "it reads a secret", access -> isCall(access, "io.exeat.base.SecretBytes", "read")))
        .allowEmptyShould(true)
        .check(BROKER);
  }

  @Test
  void noFileIsTooLongToReadAtOnce() throws IOException {
    List<String> tooLong = new ArrayList<>();
    try (Stream<Path> files = Files.walk(Path.of("src/main/java"))) {
      for (Path file : files.filter(path -> path.toString().endsWith(".java")).sorted().toList()) {
        int lines = Files.readAllLines(file).size();
        if (lines > MOST_LINES) {
          tooLong.add(file + ": " + lines);
        }
      }
    }
    assertThat(tooLong).as("files of more than %d lines", MOST_LINES).isEmpty();
  }

  private static ArchCondition<JavaClass> nameNoModeOfOthers() {
    return new ArchCondition<>("name no mode of others") {
      @Override
      public void check(JavaClass user, ConditionEvents events) {
        if (isIn(user, "app")) {
          return;
        }
        for (Dependency dependency : user.getDirectDependenciesFromSelf()) {
          String mode = modeOf(dependency.getTargetClass());
          boolean own = isIn(user, mode) || (mode.startsWith("gateway.") && isIn(user, "gateway"));
          if (!mode.isEmpty() && !own) {
            events.add(SimpleConditionEvent.violated(dependency, dependency.getDescription()));
          }
        }
      }
    };
  }

  /** The feature and first sub-package of {@code type}, such as credential.vault; empty if none. */
  private static String modeOf(JavaClass type) {
    String name = type.getPackageName();
    if (!name.startsWith("io.exeat.")) {
      return "";
    }
    List<String> parts = List.of(name.substring("io.exeat.".length()).split("\\.", -1));
    return ORDER.contains(parts.getFirst()) && parts.size() > 1
        ? parts.get(0) + "." + parts.get(1)
        : "";
  }

  /** True if {@code type} is in package io.exeat.{@code relative} or below it. */
  private static boolean isIn(JavaClass type, String relative) {
    return (type.getPackageName() + ".").startsWith("io.exeat." + relative + ".");
  }

  private static boolean isCall(JavaAccess<?> access, String owner, String name) {
    return access.getTargetOwner().getName().equals(owner) && access.getName().equals(name);
  }

  private static DescribedPredicate<JavaClass> are(String... packages) {
    return DescribedPredicate.describe(
        "are of " + String.join(", ", packages),
        type -> Set.of(packages).stream().anyMatch(one -> isIn(type, one)));
  }

  private static DescribedPredicate<JavaClass> areOutside(String... packages) {
    return DescribedPredicate.describe(
        "are outside " + String.join(", ", packages),
        type -> Stream.of(packages).noneMatch(one -> isIn(type, one)));
  }

  private static ArchCondition<JavaClass> be(String... packages) {
    return ArchCondition.from(are(packages));
  }
}
