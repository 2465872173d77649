package io.exeat.gateway.grpc;

import static java.nio.charset.StandardCharsets.US_ASCII;

import com.google.protobuf.UnsafeByteOperations;
import io.exeat.credential.Held;
import io.exeat.credential.SshCertificate;
import io.exeat.task.Target;
import java.io.IOException;
import java.util.Arrays;

/** A private key of OpenSSH's and its certificate ({@link io.exeat.credential.Lent}), apart. */
final class SshText {
  private static final byte[] END = "-----END OPENSSH PRIVATE KEY-----\n".getBytes(US_ASCII);

  private SshText() {}

  /**
   * @param text is wrapped, not copied; see {@link ToProto#credential}
   */
  static io.exeat.v1.SshCertificate.Builder of(byte[] text, Held held, Target.Ssh target) {
    int certificate = end(text);
    String line = new String(text, certificate, text.length - certificate, US_ASCII).strip();
    try {
      return io.exeat.v1.SshCertificate.newBuilder()
          .setPrivateKeyBytes(UnsafeByteOperations.unsafeWrap(text, 0, certificate))
          .setCertificate(line)
          .addAllUsers(SshCertificate.read(line).users())
          .setSerialNumber(held.principal())
          .setHost(target.host())
          .setPort(target.port());
    } catch (IOException e) {
      throw new IllegalArgumentException(e);
    }
  }

  private static int end(byte[] text) {
    for (int i = 0; i + END.length <= text.length; i++) {
      if (Arrays.equals(text, i, i + END.length, END, 0, END.length)) {
        return i + END.length;
      }
    }
    throw new IllegalArgumentException("no certificate is with its key");
  }
}
