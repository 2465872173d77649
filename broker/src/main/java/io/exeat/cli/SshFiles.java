package io.exeat.cli;

import static java.nio.charset.StandardCharsets.US_ASCII;

import io.exeat.v1.Credential;
import io.exeat.v1.SshCertificate;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** A certificate for SSH as OpenSSH takes it: {@code ssh -i FILE} finds both. */
final class SshFiles {
  private SshFiles() {}

  /**
   * The key into its file, and the certificate beside it.
   *
   * @throws java.nio.file.FileAlreadyExistsException rather than writing into what is there
   */
  static void write(SshCertificate it, PasswordFile key, Path file) throws IOException {
    Files.write(
        Path.of(file + "-cert.pub"),
        (it.getCertificate() + "\n").getBytes(US_ASCII),
        StandardOpenOption.CREATE_NEW);
    key.write(it.getPrivateKey());
  }

  static void print(Session session, Credential.Builder shown, boolean show) {
    SshCertificate it = shown.getSsh();
    String port = it.getPort() == 22 ? "" : " port " + it.getPort();
    session
        .out()
        .println(
            "for         " + String.join(", ", it.getUsersList()) + " at " + it.getHost() + port);
    session.out().println("serial      " + it.getSerialNumber());
    session.out().println("certificate " + it.getCertificate());
    session
        .out()
        .println(
            show ? it.getPrivateKey().strip() : "key         (not shown: --show or --out FILE)");
    session
        .out()
        .println(
            "cannot be recalled: it ends at "
                + Text.instant(shown.getExpiresAt())
                + ", and its task not before");
  }
}
