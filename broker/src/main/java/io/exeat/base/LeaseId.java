package io.exeat.base;

/**
 * Vault's handle of one lease, such as {@code database/creds/orders-read/…}.
 *
 * <p>Whoever knows it and may call {@code sys/leases/*} can renew or revoke the lease (there is no
 * ownership check), so it is not printed: {@link #toString} gives its prefix only.
 */
public record LeaseId(String value) {
  @Override
  public String toString() {
    int end = value.lastIndexOf('/');
    return (end < 0 ? "" : value.substring(0, end)) + "/…";
  }
}
