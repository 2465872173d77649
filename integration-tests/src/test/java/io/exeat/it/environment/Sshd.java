package io.exeat.it.environment;

import io.exeat.it.Needs;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** A host that lets in whom an authority signed for: OpenSSH's own server, and its own client. */
public final class Sshd implements AutoCloseable {
  private static final Duration PATIENCE = Duration.ofSeconds(30);

  /** Without root, sshd lets in nobody but its own user. */
  private final Optional<io.exeat.app.stage.OtherUser> user;

  private final int port = Processes.freePort();
  private final Process process;

  private Sshd(Path program, Path folder, String authority, String principal) {
    this.user =
        OtherUser.isRoot()
            ? Optional.of(
                Needs.part("sshd", io.exeat.app.stage.OtherUser.first("postgres", "nobody")))
            : Optional.empty();
    try {
      Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwxrwxrwx"));
      Path key = folder.resolve("host");
      var _ =
          Processes.run(
              PATIENCE,
              as(List.of("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key.toString())));
      Files.writeString(folder.resolve("authority.pub"), authority + "\n");
      Files.writeString(folder.resolve("principals"), principal + "\n");
      Path config =
          Files.writeString(
              folder.resolve("sshd_config"),
              """
              ListenAddress 127.0.0.1
              Port %d
              HostKey %s
              PidFile none
              TrustedUserCAKeys %s
              AuthorizedPrincipalsFile %s
              AuthorizedKeysFile none
              PasswordAuthentication no
              KbdInteractiveAuthentication no
              StrictModes no
              """
                  .formatted(
                      port, key, folder.resolve("authority.pub"), folder.resolve("principals")));
      this.process =
          Processes.start(
              as(List.of(program.toString(), "-D", "-e", "-f", config.toString())),
              folder.resolve("log"));
      Processes.await("sshd", PATIENCE, () -> Processes.answers(port));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Skips the test where there is none. */
  public static Sshd start(Path folder, String authority, String principal) {
    Path program = Needs.part("sshd", Binaries.sshd());
    var _ = Needs.part("sshd", Binaries.onPath("ssh"));
    return new Sshd(program, folder, authority, principal);
  }

  /** What the host says to who comes with this key, and the certificate beside it. */
  public Optional<String> run(Path key) {
    List<String> command =
        List.of(
            "ssh",
            "-F",
            "/dev/null",
            "-i",
            key.toString(),
            "-o",
            "IdentitiesOnly=yes",
            "-o",
            "BatchMode=yes",
            "-o",
            "StrictHostKeyChecking=no",
            "-o",
            "UserKnownHostsFile=/dev/null",
            "-o",
            "LogLevel=ERROR",
            "-p",
            Integer.toString(port),
            user.map(io.exeat.app.stage.OtherUser::name).orElse(System.getProperty("user.name"))
                + "@127.0.0.1",
            "id");
    try {
      return Optional.of(Processes.run(PATIENCE, command).strip());
    } catch (IllegalStateException e) {
      if (String.valueOf(e.getMessage()).contains("Permission denied")) {
        return Optional.empty();
      }
      throw e;
    }
  }

  private List<String> as(List<String> command) {
    return user.map(it -> it.run(command)).orElse(new ArrayList<>(command));
  }

  @Override
  public void close() {
    Processes.end(process, "TERM");
  }
}
