package io.exeat.it.contract;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.exeat.base.Epoch;
import io.exeat.base.FaultException;
import io.exeat.base.Health;
import io.exeat.base.TaskId;
import io.exeat.credential.EpochToken;
import io.exeat.credential.Lent;
import io.exeat.it.environment.TestCertificate;
import io.exeat.revoke.TargetVerifier.Mark;
import io.exeat.revoke.postgres.PostgresVerifier;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.util.Optional;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A database that lets nobody in without TLS: Vault, the verifier and the agent verify it fully.
 */
@SuppressWarnings("NullAway.Init")
final class TlsPostgresIT {
  @TempDir private static Path folder;
  private static Real real;

  @BeforeAll
  static void start() {
    real = Real.withTls(folder);
  }

  @AfterAll
  static void stop() {
    real.close();
  }

  @Test
  void everybodyVerifiesTheServer() throws SQLException {
    try (Exchange exchange = Exchange.with(real)) {
      EpochToken token = exchange.open(Exchange.READ);
      Lent lent = exchange.backend.issue(token, Exchange.READ);
      try (Connection agent = exchange.connect(lent, "verify-full", real.targetsCa.orElseThrow())) {
        assertThat(agent.createStatement().executeQuery("SELECT item FROM shop.orders").next())
            .isTrue();
      }
      assertThatThrownBy(() -> exchange.connect(lent, "disable", real.targetsCa.orElseThrow()))
          .isInstanceOf(SQLException.class)
          .hasMessageContaining("no encryption");
      Mark mark = new Mark(token.epoch(), Optional.of(lent.principal()));
      assertThat(exchange.verifier.look(mark).dead()).isFalse();
      exchange.verifier.shut(mark);
      exchange.backend.endToken(token.accessor());
      exchange.backend.endLease(lent.lease());
      assertThat(exchange.verifier.look(mark).dead()).isTrue();
    }
  }

  @Test
  void theVerifierRefusesAServerOfAnotherAuthorityAndSaysWhy() throws IOException {
    Path other = other();
    try (Exchange exchange = Exchange.with(real);
        PostgresVerifier verifier =
            new PostgresVerifier(
                real.target,
                Optional.of(other),
                exchange.backend,
                Duration.ofSeconds(5),
                Real.TIME)) {
      Mark mark = new Mark(new Epoch(TaskId.random(), 1), Optional.empty());
      assertThatThrownBy(() -> verifier.look(mark))
          .isInstanceOf(FaultException.class)
          .hasMessageContaining("TARGET")
          .hasMessageContaining("is not believed")
          .hasMessageContaining("targets.ca");
      assertThat(verifier.health()).extracting(Health::available).isEqualTo(false);
    }
  }

  @Test
  void vaultRefusesAServerOfAnotherAuthorityWhenItIsSetUp() throws IOException {
    Path other = other();
    try (Exchange exchange = Exchange.with(real);
        var operator = real.operator(real.settings(), Optional.of(other))) {
      assertThatThrownBy(() -> operator.apply(exchange.catalogue))
          .isInstanceOf(FaultException.class)
          .hasMessageContaining("database/config/" + real.target.name())
          .hasMessageContaining("certificate");
    }
  }

  private Path other() throws IOException {
    return TestCertificate.create(Files.createTempDirectory(folder, "other")).certificate();
  }
}
