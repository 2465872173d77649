package io.exeat.policy.cedar;

import java.util.Set;

/** An expression of Cedar in Java; its values are those of {@link Facts}. */
@FunctionalInterface
interface Expression {
  /**
   * @throws CannotEvaluate where Cedar has an error
   */
  Object of(Facts facts);

  /** What of a policy that Cedar calls an error: the decision is none. */
  final class CannotEvaluate extends RuntimeException {
    private static final long serialVersionUID = 1L;

    CannotEvaluate(String message) {
      super(message);
    }
  }

  default boolean flag(Facts facts) {
    if (of(facts) instanceof Boolean flag) {
      return flag;
    }
    throw wrong("a boolean");
  }

  default long number(Facts facts) {
    if (of(facts) instanceof Long number) {
      return number;
    }
    throw wrong("a number");
  }

  default String text(Facts facts) {
    if (of(facts) instanceof String text) {
      return text;
    }
    throw wrong("a string");
  }

  default Set<?> set(Facts facts) {
    if (of(facts) instanceof Set<?> set) {
      return set;
    }
    throw wrong("a set");
  }

  default Uid uid(Facts facts) {
    if (of(facts) instanceof Uid uid) {
      return uid;
    }
    throw wrong("an entity");
  }

  private static CannotEvaluate wrong(String wanted) {
    return new CannotEvaluate("it needs " + wanted + " where there is none");
  }
}
