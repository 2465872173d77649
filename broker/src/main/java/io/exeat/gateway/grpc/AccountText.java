package io.exeat.gateway.grpc;

import com.google.protobuf.UnsafeByteOperations;
import io.exeat.credential.Held;
import io.exeat.task.Target;
import io.exeat.v1.ServiceAccount;

/** A service account of Kubernetes ({@link io.exeat.credential.Lent}), taken apart. */
final class AccountText {
  private AccountText() {}

  /**
   * @param token is wrapped, not copied; see {@link ToProto#credential}
   */
  static ServiceAccount.Builder of(byte[] token, Held held, Target.Kubernetes target) {
    String[] user = held.principal().split(":", 4);
    return ServiceAccount.newBuilder()
        .setHost(target.host())
        .setPort(target.port())
        .setCertificateAuthority(target.authorities())
        .setNamespace(user[2])
        .setName(user[3])
        .setTokenBytes(UnsafeByteOperations.unsafeWrap(token));
  }
}
