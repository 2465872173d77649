package io.exeat.base;

/** A credential's handle: {@code c} and 20 characters of {@code [0-9a-z]}; no secret. */
public record CredentialId(String value) {
  /**
   * @throws FaultException {@link Fault.Malformed} for {@code credential_id} when the shape is
   *     another
   */
  public CredentialId {
    RandomId.check("credential_id", 'c', value);
  }

  /** A new one from the system's secure random source. */
  public static CredentialId random() {
    return new CredentialId(RandomId.next('c'));
  }

  @Override
  public String toString() {
    return value;
  }
}
