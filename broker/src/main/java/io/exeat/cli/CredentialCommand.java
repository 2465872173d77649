package io.exeat.cli;

import io.exeat.v1.ClientCertificate;
import io.exeat.v1.Credential;
import io.exeat.v1.DatabaseLogin;
import io.exeat.v1.IssueRequest;
import io.exeat.v1.ReleaseRequest;
import io.exeat.v1.ReleaseResponse;
import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.Path;
import java.util.Optional;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

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
        "The password, or the private key, is left out unless it is asked for by --show or --out."
      },
      footer = {
        "",
        "Example:",
        "  exeat credential issue --task t0123456789abcdefghij --grant orders-read --out"
            + " login.pgpass"
      })
  int issue(
      @Mixin Where where,
      @Mixin Of of,
      @Option(
              names = "--grant",
              required = true,
              paramLabel = "NAME",
              description = "Of its scope.")
          String grant,
      @Option(names = "--show", description = "Print the secret too.") boolean show,
      @Option(
              names = "--out",
              paramLabel = "FILE",
              description = {
                "Write a libpq password file, a certificate with its key (PEM), a kubeconfig, or a",
                "key for SSH with its certificate beside it, FILE-cert.pub; mode 0600. They must"
                    + " not",
                "exist yet."
              })
          Optional<Path> file,
      @Option(
              names = "--key",
              defaultValue = "",
              description = "Idempotency key; else a fresh one.")
          String key) {
    IssueRequest request =
        IssueRequest.newBuilder()
            .setTaskId(of.task())
            .setGrant(grant)
            .setIdempotencyKey(key.isEmpty() ? TaskCommand.freshKey() : key)
            .build();
    if (file.isEmpty()) {
      return Session.asAgent(
          cli,
          where,
          session -> {
            print(session, session.credentials().issue(request), show);
            return Exit.OK;
          });
    }
    try (PasswordFile password = PasswordFile.reserve(file.get())) {
      return Session.asAgent(
          cli, where, session -> issueInto(session, request, password, file.get(), show));
    } catch (IOException e) {
      cli.err().println("exeat: " + file.get() + " cannot be made: " + why(e));
      cli.err().println("  Nothing was lent. Name a file that does not exist yet.");
      return Exit.USAGE;
    }
  }

  private int issueInto(
      Session session, IssueRequest request, PasswordFile password, Path file, boolean show) {
    Credential issued = session.credentials().issue(request);
    try {
      if (issued.hasCertificate()) {
        password.write(pem(issued.getCertificate()));
      } else if (issued.hasSsh()) {
        SshFiles.write(issued.getSsh(), password, file);
      } else if (issued.hasServiceAccount()) {
        password.write(KubeConfig.of(issued.getServiceAccount()));
      } else {
        password.write(issued.getDatabase());
      }
    } catch (IOException e) {
      cli.err().println("exeat: " + file + " cannot be written: " + why(e));
      var _ = release(session, request.getTaskId(), issued.getId());
      cli.err()
          .println(
              issued.getCannotBeRecalled()
                  ? "  The credential cannot be recalled; its key was not kept."
                  : "  The credential was given back.");
      return Exit.USAGE;
    }
    print(session, issued, show);
    return Exit.OK;
  }

  private static String why(IOException e) {
    return e instanceof FileAlreadyExistsException
        ? "it exists"
        : e instanceof FileSystemException file && file.getReason() != null
            ? file.getReason()
            : e.toString();
  }

  private static ReleaseResponse release(Session session, String task, String credential) {
    return session
        .credentials()
        .release(ReleaseRequest.newBuilder().setTaskId(task).setCredentialId(credential).build());
  }

  @Command(
      description = {
        "Ends a credential before its task ends.",
        "",
        "Ends with 4 when it is not proven dead within --timeout; it is then still being revoked."
      },
      footer = {
        "",
        "Example:",
        "  exeat credential release --task t0123456789abcdefghij c0123456789abcdefghij"
      })
  int release(
      @Mixin Where where,
      @Mixin Of of,
      @Parameters(paramLabel = "CREDENTIAL", description = "The credential's identifier.")
          String credential) {
    String task = of.task();
    return Session.asAgent(
        cli,
        where,
        session -> {
          ReleaseResponse answer = release(session, task, credential);
          if (session.json()) {
            session.printJson(answer);
          } else {
            session.out().println(answer.getCredentialId() + released(answer));
          }
          return answer.getProvenDead() ? Exit.OK : Exit.PENDING;
        });
  }

  private static String released(ReleaseResponse answer) {
    if (answer.getCannotBeRecalled()) {
      return (answer.getProvenDead() ? "  expired at " : "  cannot be recalled: it works until ")
          + Text.instant(answer.getEndsAt());
    }
    return answer.getProvenDead()
        ? "  proven dead at " + Text.instant(answer.getDeadAt())
        : "  is still being revoked";
  }

  /** Whose credential. */
  static final class Of {
    @Spec(Spec.Target.MIXEE)
    private CommandSpec spec = CommandSpec.create();

    @Option(names = "--task", paramLabel = "ID", description = "The task; else EXEAT_TASK's.")
    private Optional<String> named = Optional.empty();

    String task() {
      return Which.of(named, spec);
    }
  }

  private static void print(Session session, Credential issued, boolean show) {
    Credential.Builder shown = issued.toBuilder();
    if (!show && issued.hasDatabase()) {
      shown.getDatabaseBuilder().clearPassword();
    }
    if (!show && issued.hasCertificate()) {
      shown.getCertificateBuilder().clearPrivateKey();
    }
    if (!show && issued.hasSsh()) {
      shown.getSshBuilder().clearPrivateKey();
    }
    if (!show && issued.hasServiceAccount()) {
      shown.getServiceAccountBuilder().clearToken();
    }
    if (session.json()) {
      session.printJson(shown);
      return;
    }
    session
        .out()
        .println(
            "credential  "
                + issued.getId()
                + "  "
                + issued.getGrant()
                + "  epoch "
                + issued.getEpoch());
    if (shown.hasCertificate()) {
      certificate(session, shown, show);
    } else if (shown.hasSsh()) {
      SshFiles.print(session, shown, show);
    } else if (shown.hasServiceAccount()) {
      KubeConfig.print(session, shown, show);
    } else {
      login(session, shown, show);
    }
  }

  private static void login(Session session, Credential.Builder shown, boolean show) {
    DatabaseLogin login = shown.getDatabase();
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
                + Text.instant(shown.getExpiresAt()));
  }

  private static void certificate(Session session, Credential.Builder shown, boolean show) {
    ClientCertificate it = shown.getCertificate();
    session.out().println("for         " + it.getHost());
    session.out().println("serial      " + it.getSerialNumber());
    session.out().println(show ? pem(it).strip() : "key         (not shown: --show or --out FILE)");
    session
        .out()
        .println(
            "not renewed: it expires at "
                + Text.instant(shown.getExpiresAt())
                + "; ended before, it is on its issuer's revocation list");
  }

  /** The key, its certificate and the issuers', as most programs read them from one file. */
  private static String pem(ClientCertificate it) {
    return String.join(
        "",
        Stream.of(it.getPrivateKey(), it.getCertificate(), it.getChain())
            .map(part -> part.strip() + "\n")
            .toList());
  }
}
