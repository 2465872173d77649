package io.exeat.config;

/** Regular expressions whose matching time can grow beyond all bounds with what an agent sends. */
final class SlowPattern {
  private SlowPattern() {}

  /** Whether a group that repeats is repeated itself, or a group is referred back to. */
  static boolean isSlow(String pattern) {
    int depth = 0;
    boolean[] repeats = new boolean[pattern.length() + 1];
    boolean inClass = false;
    for (int i = 0; i < pattern.length(); i++) {
      char c = pattern.charAt(i);
      if (c == '\\') {
        i++;
        if (i < pattern.length() && (isDigit(pattern.charAt(i)) || pattern.charAt(i) == 'k')) {
          return true;
        }
      } else if (inClass) {
        inClass = c != ']';
      } else if (c == '[') {
        inClass = true;
        // A bracket right at the start of a class stands for itself.
        if (pattern.startsWith("]", i + 1)) {
          i++;
        } else if (pattern.startsWith("^]", i + 1)) {
          i += 2;
        }
      } else if (c == '(') {
        depth++;
        repeats[depth] = false;
      } else if (c == ')' && depth > 0) {
        boolean inner = repeats[depth];
        depth--;
        boolean repeated = i + 1 < pattern.length() && isRepetition(pattern.charAt(i + 1));
        if (inner && repeated) {
          return true;
        }
        repeats[depth] |= inner || repeated;
      } else if (isRepetition(c)) {
        repeats[depth] = true;
      } else if (c == '|' && depth > 0) {
        // Alternatives inside a repetition can overlap: (a|a)*.
        repeats[depth] = true;
      }
    }
    return false;
  }

  private static boolean isRepetition(char c) {
    return c == '*' || c == '+' || c == '{';
  }

  private static boolean isDigit(char c) {
    return c >= '0' && c <= '9';
  }
}
