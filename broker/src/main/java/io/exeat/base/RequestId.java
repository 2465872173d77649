package io.exeat.base;

/**
 * Names one request in logs, audit and the answer's trailer {@code exeat-request-id}; grants
 * nothing.
 */
public record RequestId(String value) {
  /** A new one. */
  public static RequestId random() {
    return new RequestId(RandomId.next('r'));
  }

  @Override
  public String toString() {
    return value;
  }
}
