package io.exeat.revoke;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.exeat.base.Epoch;
import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import io.exeat.base.SecretBytes;
import io.exeat.base.TaskId;
import io.exeat.revoke.TargetVerifier.Mark;
import io.exeat.revoke.TargetVerifier.Sighting;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** What every {@link TargetVerifier} does. */
public abstract class TargetVerifierContract {
  private static final String PASSWORD = "correct-horse-battery";

  private final Epoch epoch = new Epoch(TaskId.random(), 1);
  private final Mark all = new Mark(epoch, Optional.empty());

  protected abstract TargetVerifier verifier();

  /** Makes a principal as Vault does. */
  protected abstract void create(String principal, String password);

  /** Drops it as Vault does; its sessions stay. */
  protected abstract void drop(String principal);

  /** Opens a session that stays open. Whether it was let in. */
  protected abstract boolean login(String principal, String password);

  /** How many of the sessions that {@link #login} opened for it are alive at the target. */
  protected abstract int sessions(String principal);

  protected abstract void stopTarget();

  protected abstract void startTarget();

  @Test
  void whatIsShutCannotLogIn() {
    create(name("a"), PASSWORD);
    verifier().shut(all);
    assertThat(login(name("a"), PASSWORD)).isFalse();
  }

  @Test
  void whatIsNotShutIsSeenAlive() {
    create(name("a"), PASSWORD);
    assertThat(verifier().look(all).dead()).isFalse();
  }

  @Test
  void whoHasThePasswordIsLetInUntilItIsShut() {
    create(name("a"), PASSWORD);
    Map<String, SecretBytes> lent = Map.of(name("a"), SecretBytes.adopt(PASSWORD.getBytes(UTF_8)));
    assertThat(verifier().look(all, lent).alive())
        .anyMatch(it -> it.contains(name("a")) && it.contains("let in"));
    verifier().shut(all);
    Sighting shut = verifier().look(all, lent);
    assertThat(shut.alive()).isEmpty();
    assertThat(shut.checks()).anyMatch(it -> it.contains(name("a")) && it.contains("refused"));
    drop(name("a"));
    assertThat(verifier().look(all, lent).dead()).isTrue();
  }

  @Test
  void aPasswordThatNobodyKnowsAnyMoreIsNotTried() {
    create(name("a"), PASSWORD);
    create(name("b"), PASSWORD);
    SecretBytes gone = SecretBytes.adopt(PASSWORD.getBytes(UTF_8));
    gone.close();
    verifier().shut(all);
    Sighting seen =
        verifier().look(all, Map.of(name("a"), gone, name("b"), SecretBytes.adopt(new byte[0])));
    assertThat(seen.dead()).isTrue();
    assertThat(seen.checks()).noneMatch(it -> it.contains("refused"));
  }

  @Test
  void openSessionsAreEnded() {
    create(name("a"), PASSWORD);
    assertThat(login(name("a"), PASSWORD)).isTrue();
    assertThat(login(name("a"), PASSWORD)).isTrue();
    verifier().shut(all);
    assertThat(verifier().look(all).alive()).isEmpty();
    assertThat(sessions(name("a"))).isZero();
  }

  @Test
  void theSessionsOfADroppedPrincipalAreEndedToo() {
    create(name("a"), PASSWORD);
    assertThat(login(name("a"), PASSWORD)).isTrue();
    drop(name("a"));
    assertThat(sessions(name("a"))).isEqualTo(1);
    assertThat(verifier().look(all).dead()).isTrue();
    assertThat(sessions(name("a"))).isZero();
  }

  @Test
  void principalsThatNobodyToldUsOfAreFoundByTheEpoch() {
    create(name("known"), PASSWORD);
    create(name("unknown"), PASSWORD);
    verifier().shut(all);
    assertThat(login(name("unknown"), PASSWORD)).isFalse();
    assertThat(verifier().look(all).dead()).isTrue();
  }

  @Test
  void anotherEpochAndAnotherPrincipalAreLeftAlone() {
    String other = "x-" + epoch.next().label() + "-a";
    String tenth = "x-" + new Epoch(epoch.task(), 10).label() + "-a";
    create(name("a"), PASSWORD);
    create(name("b"), PASSWORD);
    create(other, PASSWORD);
    create(tenth, PASSWORD);
    assertThat(login(name("b"), PASSWORD)).isTrue();
    assertThat(login(other, PASSWORD)).isTrue();
    Mark one = new Mark(epoch, Optional.of(name("a")));
    verifier().shut(one);
    assertThat(verifier().look(one).dead()).isTrue();
    assertThat(login(name("b"), PASSWORD)).isTrue();
    verifier().shut(all);
    assertThat(verifier().look(all).dead()).isTrue();
    assertThat(sessions(other)).isEqualTo(1);
    assertThat(login(other, PASSWORD)).isTrue();
    assertThat(login(tenth, PASSWORD)).isTrue();
  }

  @Test
  void nothingThereIsDeadAndSaysWhatWasLookedAt() {
    verifier().shut(all);
    TargetVerifier.Sighting sighting = verifier().look(all);
    assertThat(sighting.dead()).isTrue();
    assertThat(sighting.checks()).isNotEmpty();
  }

  @Test
  void anAwayTargetIsAFaultAndItIsAskedAgainWhenItIsBack() {
    create(name("a"), PASSWORD);
    stopTarget();
    try {
      assertThatThrownBy(() -> verifier().shut(all))
          .satisfies(TargetVerifierContract::saysTargetAway);
      assertThatThrownBy(() -> verifier().look(all))
          .satisfies(TargetVerifierContract::saysTargetAway);
      assertThat(verifier().health().available()).isFalse();
    } finally {
      startTarget();
    }
    verifier().shut(all);
    assertThat(verifier().look(all).dead()).isTrue();
    assertThat(verifier().health().available()).isTrue();
  }

  private String name(String suffix) {
    return "x-" + epoch.label() + "-" + suffix;
  }

  private static void saysTargetAway(Throwable thrown) {
    assertThat(thrown).isInstanceOf(FaultException.class);
    Fault fault = ((FaultException) thrown).fault();
    assertThat(fault).isInstanceOf(Fault.Unavailable.class);
    assertThat(((Fault.Unavailable) fault).dependency()).isEqualTo(Fault.Dependency.TARGET);
  }
}
