package io.exeat.it.fault;

import static org.assertj.core.api.Assertions.assertThat;

import io.exeat.it.checker.Invariant;
import io.exeat.it.checker.Verdict;
import io.exeat.it.checker.Violation;
import io.exeat.it.environment.Deployment;
import io.exeat.it.environment.Packaged;
import io.exeat.it.environment.Stage;
import io.grpc.StatusRuntimeException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.sql.SQLException;
import java.time.Duration;
import java.util.EnumSet;
import java.util.List;
import java.util.stream.Collectors;
import org.awaitility.core.ConditionTimeoutException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Brokers that are broken on purpose, each in one way: the checker says of each what is wrong, and
 * of the broker as it is nothing.
 */
final class TheCheckerIsCheckedIT {
  private static final int TRIES = 3;
  private static final Duration LOOK = Duration.ofMillis(50);

  private final Stage stage = Stage.get();

  @Test
  void theBrokerAsItIsHasNoViolation() throws SQLException {
    try (Watched watched = Watched.start(Watched.plan());
        WatchedAgent agent = new WatchedAgent(watched)) {
      new Workload(watched, agent).run(EnumSet.allOf(Workload.Part.class));

      Verdict verdict = watched.verdict("the broker as it is");

      assertThat(verdict.violations()).isEmpty();
      assertThat(verdict.account().issued()).isGreaterThanOrEqualTo(9);
      assertThat(verdict.outlived().count()).isGreaterThanOrEqualTo(8);
      assertThat(verdict.canaries()).isGreaterThanOrEqualTo(9);
    }
  }

  @ParameterizedTest
  @EnumSource
  void aBrokenBrokerIsFoundOut(Mutant mutant) {
    List<Patch> java = mutant.patches.stream().filter(Patch::isJava).toList();
    Path classes = Patch.compile(java, stage.newFolder("mutant"));
    prepare(mutant, true);
    Deployment.Plan plan =
        Watched.plan()
            .launchedBy(config -> Packaged.patched(classes, "run", "--config", config.toString()));
    try (Watched watched = Watched.start(plan);
        WatchedAgent agent = new WatchedAgent(watched)) {
      for (int i = 0; i < TRIES && !watched.checker.isViolated(mutant.violated); i++) {
        work(mutant, watched, agent);
      }
      List<Violation> found = watched.checker.violations();
      System.out.println("mutant " + mutant + ": " + found.size() + " violations");
      assertThat(found.stream().map(Violation::invariant).collect(Collectors.toSet()))
          .as("what is wrong with " + mutant)
          .contains(mutant.violated);
    } finally {
      prepare(mutant, false);
      Leftovers.end(stage);
    }
  }

  /** Until it is found out, or the work is done. */
  private static void work(Mutant mutant, Watched watched, WatchedAgent agent) {
    Thread working = Thread.ofPlatform().start(() -> workThrough(mutant, watched, agent));
    try {
      while (!working.join(LOOK) && !watched.checker.isViolated(mutant.violated)) {
        // It goes on.
      }
      working.interrupt();
      if (!working.join(Duration.ofMinutes(1))) {
        throw new IllegalStateException("the workload does not end");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** On a machine with other work a call may fail for want of time. */
  private static void workThrough(Mutant mutant, Watched watched, WatchedAgent agent) {
    try {
      new Workload(watched, agent).run(mutant.parts);
      if (!watched.checker.isViolated(mutant.violated)) {
        var _ = watched.checker.verdict(Duration.ofSeconds(4));
      }
    } catch (StatusRuntimeException | SQLException | ConditionTimeoutException e) {
      System.out.println("mutant " + mutant + ": the workload met " + e.getMessage());
    } catch (RuntimeException | Error e) {
      System.out.println("mutant " + mutant + ": the workload ended by " + e);
    }
  }

  /** The database of a mutant whose SQL is broken, and as it should be. */
  private void prepare(Mutant mutant, boolean broken) {
    try {
      String sql = Stage.preparation();
      boolean changed = false;
      for (Patch patch : mutant.patches) {
        if (!patch.isJava()) {
          sql = patch.apply(sql);
          changed = true;
        }
      }
      if (changed) {
        stage.prepare(broken ? sql : Stage.preparation());
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Test
  void everyInvariantThatCanBeBrokenHereIsBroken() {
    EnumSet<Invariant> broken = EnumSet.noneOf(Invariant.class);
    for (Mutant mutant : Mutant.values()) {
      broken.add(mutant.violated);
    }
    // A lease that outlives its role needs a broken Vault; so does one that Vault gives up on.
    assertThat(EnumSet.complementOf(broken))
        .containsExactlyInAnyOrder(Invariant.I2_LEASES, Invariant.I8_GIVEN_UP);
  }
}
