package io.exeat.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.exeat.base.Subscription;
import io.exeat.gateway.grpc.Limits;
import io.exeat.gateway.grpc.TlsDoor;
import io.exeat.gateway.grpc.TlsFixture;
import io.exeat.identity.Svid;
import io.grpc.ManagedChannel;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;

/** How a command finds its broker. */
final class SessionTest {
  private final StringWriter said = new StringWriter();

  /** A place where no broker is, and none was named. */
  private static final class Nobody implements Doors {
    @Override
    public Path agentSocket() {
      return Path.of("/nowhere/agent.sock");
    }

    @Override
    public Path adminSocket() {
      return Path.of("/nowhere/admin.sock");
    }

    @Override
    public Optional<String> brokerId() {
      return Optional.empty();
    }

    @Override
    public ManagedChannel over(Path socket) {
      throw new AssertionError("there is none");
    }

    @Override
    public ManagedChannel to(String host, int port, String broker) {
      throw new AssertionError("nobody is asked");
    }
  }

  private int revoke(String... arguments) {
    PrintWriter err = new PrintWriter(said, true);
    Direct unasked =
        (what, dryRun, cli) -> {
          throw new AssertionError("Vault is not asked");
        };
    return new CommandLine(new RevokeCommand(new Cli(new Nobody(), err, err), unasked))
        .execute(arguments);
  }

  @Test
  void aProgramThatIsNotThereIsSaidBeforeAnybodyIsAsked() {
    PrintWriter err = new PrintWriter(said, true);
    int code =
        new CommandLine(new ExecCommand(new Cli(new Nobody(), err, err)))
            .execute("--intent", "none", "--grant", "none", "--", "no-such-psql", "-l");
    assertThat(code).isEqualTo(127);
    assertThat(said.toString()).contains("no-such-psql: there is no such program");
  }

  @Test
  void aBrokerOverTcpMustBeNamed() {
    assertThat(revoke("--all", "--to", "broker.example:8443")).isEqualTo(Exit.USAGE);
    assertThat(said.toString()).contains("--broker-id").contains("EXEAT_BROKER_ID");
  }

  @Test
  void whoMakesNoCallsStaysConnectedWhenTheBrokerEndsAConnection() throws IOException {
    try (TlsFixture fixture = new TlsFixture()) {
      TlsDoor door = fixture.open(Limits.DEFAULT, Duration.ofSeconds(1), 0);
      Svid agent = fixture.authority.issue(TlsFixture.AGENT);
      ManagedChannel channel = fixture.channel(door, fixture.client(agent));
      AtomicInteger changes = new AtomicInteger();
      try (Subscription _ = fixture.connections.onChange(changes::incrementAndGet)) {
        Session.stay(channel);

        // It came, was ended, and came again.
        await()
            .atMost(Duration.ofSeconds(20))
            .until(() -> changes.get() >= 3 && fixture.connections.open().size() == 1);
      }
    }
  }

  @Test
  void everythingInVaultIsNotEndedUnasked() {
    assertThat(revoke("--direct", "--all")).isEqualTo(Exit.USAGE);
    assertThat(said.toString()).contains("--dry-run").contains("--yes");
    assertThat(revoke("--direct", "--tree", "t0123456789abcdefghij")).isEqualTo(Exit.USAGE);
    assertThat(revoke("--all", "--dry-run")).isEqualTo(Exit.USAGE);
  }

  @Test
  void aSocketThatIsNotThereIsSaid() {
    assertThat(revoke("--all")).isEqualTo(Exit.UNAVAILABLE);
    assertThat(said.toString()).contains("no broker serves /nowhere/admin.sock");
  }
}
