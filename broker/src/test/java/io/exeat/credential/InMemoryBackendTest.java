package io.exeat.credential;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.exeat.base.Accessor;
import io.exeat.base.Epoch;
import io.exeat.base.FaultException;
import io.exeat.base.Time;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

final class InMemoryBackendTest extends SecretsBackendContract {
  private final InMemoryTarget target = new InMemoryTarget();
  private final List<String> log = new ArrayList<>();
  private final InMemoryBackend backend =
      new InMemoryBackend(
          new Time(Clock.systemUTC(), System::nanoTime),
          target,
          new SessionLog() {
            @Override
            public void opened(Accessor session) {
              log.add("opened " + session.value());
            }

            @Override
            public void ended(Accessor session) {
              log.add("ended " + session.value());
            }
          });

  @Override
  protected SecretsBackend backend() {
    return backend;
  }

  @Override
  protected RevocationLists lists() {
    return backend;
  }

  @Override
  protected boolean logsIn(String principal, String password) {
    return target.login(principal, password);
  }

  @Override
  protected List<String> principals() {
    return target.principals();
  }

  @Override
  protected void stopTarget() {
    target.stop();
  }

  @Override
  protected void startTarget() {
    target.start();
  }

  @Test
  void aLostAnswerLeavesACredentialThatDiesWithItsToken() {
    EpochToken token = open(READ);
    backend.loseAnswerOfNext(InMemoryBackend.Call.ISSUE);
    assertThatThrownBy(() -> backend.issue(token, READ)).isInstanceOf(AnswerLost.class);
    assertThat(target.principals()).hasSize(1);
    backend.endToken(token.accessor());
    assertThat(target.principals()).isEmpty();
  }

  @Test
  void aRefusedCallDoesNothing() {
    EpochToken token = open(READ);
    backend.refuseNext(InMemoryBackend.Call.ISSUE);
    assertThatThrownBy(() -> backend.issue(token, READ)).isInstanceOf(FaultException.class);
    assertThat(target.principals()).isEmpty();
  }

  @Test
  void aLostSessionTakesItsEpochsAlong() {
    List<Epoch> lost = new ArrayList<>();
    try (var _ = backend.onLost(lost::addAll)) {
      EpochToken token = open(READ);
      Lent lent = backend.issue(token, READ);
      backend.loseSession();
      assertThat(lost).containsExactlyElementsOf(Set.of(token.epoch()));
      assertThat(backend.tokenGone(token.accessor())).isTrue();
      assertThat(backend.leaseGone(lent.lease())).isTrue();
    }
    assertThat(log)
        .containsExactly(
            "opened session-0", "opened " + backend.session().value(), "ended session-0");
  }
}
