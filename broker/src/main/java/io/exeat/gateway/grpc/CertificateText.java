package io.exeat.gateway.grpc;

import static java.nio.charset.StandardCharsets.US_ASCII;

import com.google.protobuf.UnsafeByteOperations;
import io.exeat.v1.ClientCertificate;

/** The PEM of a key and its certificates ({@link io.exeat.credential.Lent}), taken apart. */
final class CertificateText {
  private static final byte[] END = "-----END CERTIFICATE-----\n".getBytes(US_ASCII);
  private static final byte[] BEGIN = "-----BEGIN CERTIFICATE-----".getBytes(US_ASCII);

  private CertificateText() {}

  /**
   * @param pem is wrapped, not copied; see {@link ToProto#credential}
   */
  static ClientCertificate.Builder of(byte[] pem) {
    int certificate = find(pem, BEGIN, 0);
    int chain = find(pem, END, certificate) + END.length;
    return ClientCertificate.newBuilder()
        .setPrivateKeyBytes(UnsafeByteOperations.unsafeWrap(pem, 0, certificate))
        .setCertificateBytes(UnsafeByteOperations.unsafeWrap(pem, certificate, chain - certificate))
        .setChainBytes(UnsafeByteOperations.unsafeWrap(pem, chain, pem.length - chain));
  }

  private static int find(byte[] text, byte[] what, int from) {
    for (int i = from; i + what.length <= text.length; i++) {
      if (java.util.Arrays.equals(text, i, i + what.length, what, 0, what.length)) {
        return i;
      }
    }
    throw new IllegalArgumentException("no certificate is with its key");
  }
}
