package io.exeat.gateway.mcp;

/** An HTTP status says it all. */
final class Refusal extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final int status;

  Refusal(int status) {
    super("HTTP " + status, null, false, false);
    this.status = status;
  }

  int status() {
    return status;
  }
}
