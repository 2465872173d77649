package io.exeat.base;

/**
 * Vault's handle of one token: it can look the token up and revoke it, never use it.
 *
 * <p>Revoking by accessor has no ownership check in Vault, so it is not printed.
 */
public record Accessor(String value) {
  @Override
  public String toString() {
    return "accessor …";
  }
}
