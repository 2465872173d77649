package io.exeat.credential;

import io.exeat.base.Accessor;
import io.exeat.base.Epoch;
import io.exeat.base.SecretBytes;

/**
 * The Vault token of one epoch: a child of the broker's own, good for the grants in scope alone.
 *
 * @param agent whose task it is, by its name in the catalogue
 * @param untilTick on the monotonic clock, when it ends at the latest, and what is lent under it
 *     with it
 */
public record EpochToken(
    String agent, Epoch epoch, Accessor accessor, SecretBytes token, long untilTick)
    implements AutoCloseable {
  /** Zeroes the token in memory; it does not end it in Vault. */
  @Override
  public void close() {
    token.close();
  }
}
