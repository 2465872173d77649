package io.exeat.gateway.relay;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.google.protobuf.InvalidProtocolBufferException;
import io.exeat.base.Sha256;
import io.exeat.v1.OpenRequest;

/**
 * Idempotency keys of Open, and names of instances. A process has keys of its own for tasks that
 * are bound to it: the broker tells processes apart by what their links are called.
 */
final class Keys {

  private Keys() {}

  /** The key that the agent chose. */
  static String of(byte[] request) {
    try {
      return OpenRequest.parseFrom(request).getIdempotencyKey();
    } catch (InvalidProtocolBufferException e) {
      throw new IllegalStateException("the request was parsed before", e);
    }
  }

  /** 64 characters of hexadecimal. */
  static String digest(String text) {
    return Sha256.hex(text.getBytes(UTF_8));
  }
}
