package io.exeat.gateway.relay;

import io.grpc.Metadata;
import java.util.List;

/** Which headers and trailers go through; all others belong to one hop. */
final class Passing {

  /**
   * So that one trace covers both hops (W3C Trace Context). Nothing else of the agent's reaches the
   * broker.
   */
  private static final List<Metadata.Key<String>> FORWARD =
      List.of(ascii("traceparent"), ascii("tracestate"));

  private static final Metadata.Key<String> REQUEST_ID = ascii("exeat-request-id");

  private static final Metadata.Key<byte[]> DETAILS =
      Metadata.Key.of("grpc-status-details-bin", Metadata.BINARY_BYTE_MARSHALLER);

  private Passing() {}

  private static Metadata.Key<String> ascii(String name) {
    return Metadata.Key.of(name, Metadata.ASCII_STRING_MARSHALLER);
  }

  static Metadata forward(Metadata asked) {
    Metadata forwarded = new Metadata();
    FORWARD.forEach(key -> copy(key, asked, forwarded));
    return forwarded;
  }

  static Metadata back(Metadata trailers) {
    Metadata passed = new Metadata();
    copy(REQUEST_ID, trailers, passed);
    copy(DETAILS, trailers, passed);
    return passed;
  }

  /** Whether the broker itself has spoken, and not the transport. */
  static boolean isAnswer(Metadata trailers) {
    return trailers.containsKey(DETAILS);
  }

  private static <T> void copy(Metadata.Key<T> key, Metadata from, Metadata to) {
    T value = from.get(key);
    if (value != null) {
      to.put(key, value);
    }
  }
}
