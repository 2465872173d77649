package io.exeat.gateway.relay;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.google.protobuf.InvalidProtocolBufferException;
import io.exeat.v1.OpenRequest;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

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
    try {
      return HexFormat.of()
          .formatHex(MessageDigest.getInstance("SHA-256").digest(text.getBytes(UTF_8)));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }
}
