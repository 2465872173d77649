package io.exeat.identity.development;

import com.google.protobuf.ByteString;
import io.exeat.base.Subscription;
import io.grpc.Status;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import java.security.cert.CertificateEncodingException;
import java.security.cert.X509Certificate;
import java.util.Collection;
import java.util.function.Supplier;

/**
 * What the three services share: bytes of certificates, and streams that send again on each change.
 */
final class Wire {
  private Wire() {}

  /** Concatenated DER. */
  static ByteString der(Collection<X509Certificate> certificates) {
    ByteString all = ByteString.EMPTY;
    for (X509Certificate certificate : certificates) {
      all = all.concat(der(certificate));
    }
    return all;
  }

  static ByteString der(X509Certificate certificate) {
    try {
      return ByteString.copyFrom(certificate.getEncoded());
    } catch (CertificateEncodingException e) {
      throw new IllegalStateException("a certificate of ours cannot be encoded", e);
    }
  }

  /**
   * Sends {@code answer} now and after each change of {@code registry}, until the client goes or an
   * answer fails with a status.
   */
  static <R> void stream(Registry registry, StreamObserver<R> to, Supplier<R> answer) {
    ServerCallStreamObserver<R> client = (ServerCallStreamObserver<R>) to;
    Object order = new Object();
    Subscription[] changes = new Subscription[1];
    Runnable send =
        () -> {
          synchronized (order) {
            if (client.isCancelled()) {
              return;
            }
            try {
              client.onNext(answer.get());
            } catch (RuntimeException e) {
              if (changes[0] != null) {
                changes[0].close();
              }
              client.onError(Status.fromThrowable(e).asRuntimeException());
            }
          }
        };
    synchronized (order) {
      changes[0] = registry.onChange(send);
      client.setOnCancelHandler(changes[0]::close);
      send.run();
    }
  }
}
