package io.exeat.it.contract;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.exeat.base.Accessor;
import io.exeat.base.FaultException;
import io.exeat.credential.RevocationLists;
import io.exeat.credential.SecretsBackend;
import io.exeat.credential.SecretsBackendContract;
import io.exeat.credential.SessionLog;
import io.exeat.credential.vault.VaultBackend;
import io.exeat.credential.vault.VaultSetup;
import io.exeat.task.Catalogue;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** The contract on a real OpenBao and a real PostgreSQL, wherever OpenBao runs. */
abstract class RealBackendContract extends SecretsBackendContract {
  private final Real real;
  private final Catalogue catalogue;
  private final List<String> log = new CopyOnWriteArrayList<>();
  private final VaultBackend backend;

  RealBackendContract(Real real) {
    this.real = real;
    this.catalogue = real.catalogue(AGENT, READ, WRITE, CERTIFICATE, SSH);
    this.backend = open();
  }

  private VaultBackend open() {
    real.prepare(catalogue);
    real.bao.makeIssuer("pki", "shop");
    real.bao.makeAuthority("ssh");
    try (VaultSetup operator = real.operator()) {
      var _ = operator.apply(catalogue);
    }
    return new VaultBackend(
        real.settings(),
        Real.BROKER.toString(),
        real.identity,
        real.bao::trust,
        new SessionLog() {
          @Override
          public void opened(Accessor session) {
            log.add("opened");
          }

          @Override
          public void ended(Accessor session) {
            log.add("ended");
          }
        },
        Real.TIME);
  }

  @Test
  void anAccessorWithoutATokenIsOfOneThatIsGone() {
    Accessor left = new Accessor(real.bao.leaveAnAccessorOfNone());

    assertThat(backend.tokenGone(left)).isTrue();
    assertThatCode(() -> backend.endToken(left)).doesNotThrowAnyException();
  }

  @Test
  void aTokenThatVaultHasOnlyBegunToEndIsNotGone() {
    Accessor begun = new Accessor(real.bao.leaveATokenInItsEnding());

    assertThat(backend.tokenGone(begun)).isFalse();
    assertThatThrownBy(() -> backend.endToken(begun)).isInstanceOf(FaultException.class);
  }

  @AfterEach
  void closeIt() {
    backend.close();
  }

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
    try (Connection _ = real.postgres.connect(Real.DATABASE, principal, password)) {
      return true;
    } catch (SQLException e) {
      return false;
    }
  }

  @Override
  protected List<String> principals() {
    return real.postgres.query(
        Real.DATABASE, "SELECT rolname FROM pg_roles WHERE rolname LIKE 'x-%'");
  }

  @Override
  protected void stopTarget() {
    real.postgres.stop();
  }

  @Override
  protected void startTarget() {
    real.postgres.start();
  }
}
