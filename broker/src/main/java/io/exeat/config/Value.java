package io.exeat.config;

import java.util.Optional;

/**
 * What a key holds: something, nothing, or something wrong, which is noted already.
 *
 * @param <T> what it holds
 */
public final class Value<T> {
  private final Optional<T> given;
  private final boolean wrong;
  private final T standIn;
  private final Runnable missing;

  Value(Optional<T> given, boolean wrong, T standIn, Runnable missing) {
    this.given = given;
    this.wrong = wrong;
    this.standIn = standIn;
    this.missing = missing;
  }

  /** What was given, else {@code fallback}. */
  public T or(T fallback) {
    return given.orElse(fallback);
  }

  /** What was given; that nothing was is noted as a problem. */
  public T required() {
    if (given.isEmpty() && !wrong) {
      missing.run();
    }
    return given.orElse(standIn);
  }

  /** What was given, if anything. */
  public Optional<T> optional() {
    return given;
  }
}
