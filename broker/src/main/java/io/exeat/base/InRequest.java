package io.exeat.base;

import java.util.function.Supplier;

/** The request in progress, for correlation alone; authority is always an argument. */
public final class InRequest {
  private static final ScopedValue<RequestId> CURRENT = ScopedValue.newInstance();
  private static final RequestId NONE = new RequestId("-");

  private InRequest() {}

  /** Runs {@code body} as part of request {@code id}. */
  public static <T> T call(RequestId id, Supplier<T> body) {
    return ScopedValue.where(CURRENT, id).call(body::get);
  }

  /** The current request, or {@code -} in work that no request asked for, such as a deadline. */
  public static RequestId current() {
    return CURRENT.isBound() ? CURRENT.get() : NONE;
  }
}
