package io.exeat.base;

/** Ends what it stands for when closed; idempotent. */
public interface Subscription extends AutoCloseable {
  @Override
  void close();
}
