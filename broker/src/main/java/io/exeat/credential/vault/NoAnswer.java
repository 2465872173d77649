package io.exeat.credential.vault;

/** Vault did not answer. */
final class NoAnswer extends Exception {
  private static final long serialVersionUID = 1L;

  private final boolean sent;

  NoAnswer(String message, boolean sent, Throwable cause) {
    super(message, cause);
    this.sent = sent;
  }

  /** Whether the request may have reached Vault: then it may have been done. */
  boolean sent() {
    return sent;
  }
}
