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

  /** It hangs on what the act is given, which is not known yet. */
  final class NotKnown extends RuntimeException {
    private static final long serialVersionUID = 1L;

    NotKnown() {
      super("what the act is given is not known yet", null, false, false);
    }
  }

  /**
   * Two of which one decides alone where it is {@code alone}: then it does not matter whether the
   * other is known.
   */
  static Expression either(Expression left, Expression right, boolean alone) {
    return facts -> {
      boolean first;
      try {
        first = left.flag(facts);
      } catch (NotKnown e) {
        if (right.is(alone, facts)) {
          return alone;
        }
        throw e;
      }
      return first == alone ? alone : right.flag(facts);
    };
  }

  private boolean is(boolean wanted, Facts facts) {
    try {
      return flag(facts) == wanted;
    } catch (CannotEvaluate e) { // what stands before it may keep it from being looked at
      return false;
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
