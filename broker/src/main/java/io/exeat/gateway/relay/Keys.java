package io.exeat.gateway.relay;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.google.protobuf.InvalidProtocolBufferException;
import io.exeat.attest.Agent;
import io.exeat.v1.Binding;
import io.exeat.v1.OpenRequest;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/**
 * Idempotency keys of Open. A process has keys of its own for tasks that are bound to it: the
 * broker is given keys that differ from process to process.
 */
final class Keys {

  private Keys() {}

  /** The request as the broker gets it. */
  static byte[] own(byte[] request, Agent agent) {
    OpenRequest asked = read(request);
    return asked.getBinding() == Binding.BINDING_IDENTITY
        ? request
        : asked.toBuilder()
            .setIdempotencyKey(digest(agent.instance() + "\n" + asked.getIdempotencyKey()))
            .build()
            .toByteArray();
  }

  /** The key that the agent chose. */
  static String of(byte[] request) {
    return read(request).getIdempotencyKey();
  }

  private static OpenRequest read(byte[] request) {
    try {
      return OpenRequest.parseFrom(request);
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
