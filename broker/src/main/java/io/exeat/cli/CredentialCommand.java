package io.exeat.cli;

import io.exeat.v1.Credential;
import io.exeat.v1.DatabaseLogin;
import io.exeat.v1.IssueRequest;
import io.exeat.v1.ReleaseRequest;
import io.exeat.v1.ReleaseResponse;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code exeat credential}: the only command that prints a secret, and only when told to. */
@Command(
    name = "credential",
    description = "Issue and release credentials of a task.",
    synopsisSubcommandLabel = "COMMAND")
public final class CredentialCommand {
  private final Cli cli;

  public CredentialCommand(Cli cli) {
    this.cli = cli;
  }

  @Command(
      description = {
        "Issues a credential for one grant of the task's scope.",
        "",
        "The password is left out unless it is asked for by --show or --out."
      },
      footer = {
        "",
        "Example:",
        "  exeat credential issue --task t0123456789abcdefghij --grant orders-read --out login.pgpass"
      })
  int issue(
      @Mixin Where where,
      @Option(names = "--task", paramLabel = "ID", description = "The task; else EXEAT_TASK's.")
          @Nullable String task,
      @Option(
              names = "--grant",
              required = true,
              paramLabel = "NAME",
              description = "Of its scope.")
          String grant,
      @Option(names = "--show", description = "Print the password too.") boolean show,
      @Option(
              names = "--out",
              paramLabel = "FILE",
              description = "Write a libpq password file, mode 0600; it must not exist yet.")
          Optional<Path> file,
      @Option(
              names = "--key",
              defaultValue = "",
              description = "Idempotency key; else a fresh one.")
          String key) {
    IssueRequest request =
        IssueRequest.newBuilder()
            .setTaskId(TaskCommand.id(task))
            .setGrant(grant)
            .setIdempotencyKey(key.isEmpty() ? TaskCommand.freshKey() : key)
            .build();
    return Session.asAgent(
        cli,
        where,
        session -> {
          Credential issued = session.credentials().issue(request);
          file.ifPresent(path -> write(path, issued.getDatabase()));
          print(session, issued, show);
          return Exit.OK;
        });
  }

  @Command(description = "Ends a credential before its task ends.")
  int release(
      @Mixin Where where,
      @Option(names = "--task", paramLabel = "ID", description = "The task; else EXEAT_TASK's.")
          @Nullable String task,
      @Parameters(description = "The credential's identifier.") String credential) {
    return Session.asAgent(
        cli,
        where,
        session -> {
          ReleaseResponse answer =
              session
                  .credentials()
                  .release(
                      ReleaseRequest.newBuilder()
                          .setTaskId(TaskCommand.id(task))
                          .setCredentialId(credential)
                          .build());
          if (session.json()) {
            session.printJson(answer);
          } else {
            session
                .out()
                .println(
                    answer.getCredentialId()
                        + (answer.getProvenDead()
                            ? "  proven dead at " + Text.instant(answer.getDeadAt())
                            : "  is still being revoked"));
          }
          return answer.getProvenDead() ? Exit.OK : Exit.PENDING;
        });
  }

  private static void write(Path path, DatabaseLogin login) {
    try {
      PasswordFile.write(path, login);
    } catch (IOException e) {
      throw new UncheckedIOException(path + " cannot be written: " + e.getMessage(), e);
    }
  }

  private static void print(Session session, Credential issued, boolean show) {
    Credential.Builder shown = issued.toBuilder();
    if (!show && issued.hasDatabase()) {
      shown.getDatabaseBuilder().clearPassword();
    }
    if (session.json()) {
      session.printJson(shown);
      return;
    }
    DatabaseLogin login = shown.getDatabase();
    session
        .out()
        .println(
            "credential  "
                + issued.getId()
                + "  "
                + issued.getGrant()
                + "  epoch "
                + issued.getEpoch());
    session
        .out()
        .println(
            "database    " + login.getHost() + ":" + login.getPort() + "/" + login.getDatabase());
    session.out().println("user        " + login.getUsername());
    session
        .out()
        .println(
            "password    " + (show ? login.getPassword() : "(not shown: --show or --out FILE)"));
    session
        .out()
        .println(
            "renewed until its task ends; by itself it dies at "
                + Text.instant(issued.getExpiresAt()));
  }
}
