package io.exeat.policy;

import com.fasterxml.jackson.databind.JsonNode;
import java.math.BigDecimal;
import java.math.MathContext;
import java.util.OptionalLong;

/** A JSON number in the one way in which RFC 8785, 3.2.2.3 writes it: ECMAScript's. */
final class CanonicalNumber {
  /** So many digits stand before the point; more are written with an exponent. */
  private static final int MOST_BEFORE = 21;

  /** So many zeros stand behind the point. */
  private static final int MOST_ZEROS = 6;

  /** Digits of the largest whole number of 64 bits. */
  private static final int DIGITS_OF_A_LONG = 19;

  private CanonicalNumber() {}

  static String of(JsonNode number) {
    return number.isIntegralNumber() && number.canConvertToLong()
        ? Long.toString(number.longValue())
        : of(exactly(number));
  }

  /** What {@code number} is, when it is a whole number of 64 bits, however it is written. */
  static OptionalLong whole(JsonNode number) {
    if (number.isIntegralNumber()) {
      return number.canConvertToLong() ? OptionalLong.of(number.longValue()) : OptionalLong.empty();
    }
    BigDecimal exactly = exactly(number).stripTrailingZeros();
    // First the size: 1e999999999 would be written out.
    if (exactly.scale() > 0 || exactly.precision() - (long) exactly.scale() > DIGITS_OF_A_LONG) {
      return OptionalLong.empty();
    }
    try {
      return OptionalLong.of(exactly.longValueExact());
    } catch (ArithmeticException e) {
      return OptionalLong.empty();
    }
  }

  private static BigDecimal exactly(JsonNode number) {
    return number.isDouble() ? shortest(number.doubleValue()) : number.decimalValue();
  }

  /** {@link Double#toString} has two digits where one would do: 4.9E-324 is 5e-324. */
  private static BigDecimal shortest(double number) {
    BigDecimal digit = new BigDecimal(number).round(new MathContext(1));
    return digit.doubleValue() == number ? digit : new BigDecimal(Double.toString(number));
  }

  private static String of(BigDecimal number) {
    if (number.signum() == 0) {
      return "0"; // and so is -0
    }
    BigDecimal bare = number.abs().stripTrailingZeros();
    String digits = bare.unscaledValue().toString();
    long point = digits.length() - (long) bare.scale();
    StringBuilder out = new StringBuilder(digits.length() + MOST_BEFORE);
    if (number.signum() < 0) {
      out.append('-');
    }
    if (point > MOST_BEFORE || point <= -MOST_ZEROS) {
      out.append(digits.charAt(0));
      if (digits.length() > 1) {
        out.append('.').append(digits, 1, digits.length());
      }
      out.append(point > 0 ? "e+" : "e-").append(Math.abs(point - 1));
    } else if (point <= 0) {
      out.append("0.").repeat('0', (int) -point).append(digits);
    } else if (digits.length() <= point) {
      out.append(digits).repeat('0', (int) point - digits.length());
    } else {
      out.append(digits, 0, (int) point).append('.').append(digits, (int) point, digits.length());
    }
    return out.toString();
  }
}
