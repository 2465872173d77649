package io.exeat.policy.cedar;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What Cedar is given to parse. It parses and evaluates by recursion on a native stack that has no
 * guard: some 70 brackets in one another, or a chain of 2,000 operators, end the process (seen with
 * cedar-java 4.10.0 and 1 MiB of stack). So far less is refused before it sees it.
 */
final class Bounds {
  /** Brackets in one another. */
  static final int MOST_DEPTH = 40;

  /** Every {@code if} of one policy: Cedar takes hundreds in one another and cannot decide them. */
  static final int MOST_CHOICES = 40;

  /** Operators of one policy, each {@code when}, {@code unless} and {@code [} among them. */
  static final int MOST_OPERATORS = 300;

  private static final Pattern TOKEN =
      Pattern.compile(
          "//[^\\n\\r]*|\"(?:[^\"\\\\]|\\\\.)*+\"|&&|\\|\\||\\b(?:if|in|is|has|like|when|unless)\\b"
              + "|[.+*!-]|[(\\[{]|[)\\]}]|;",
          Pattern.DOTALL);

  private Bounds() {}

  /** What is too much in the text of a file. */
  static List<String> problems(String file, String text) {
    List<String> problems = new ArrayList<>();
    int depth = 0;
    int deepest = 0;
    int operators = 0;
    int most = 0;
    int choices = 0;
    int mostChoices = 0;
    for (Matcher at = TOKEN.matcher(text); at.find(); ) {
      switch (text.charAt(at.start())) {
        case '/', '"' -> {}
        case '[' -> { // an index into what is before it, or a set
          deepest = Math.max(deepest, ++depth);
          most = Math.max(most, ++operators);
        }
        case '(', '{' -> deepest = Math.max(deepest, ++depth);
        // Cedar reads on after a bracket too many, so it makes no room for what follows.
        case ')', ']', '}' -> depth = Math.max(0, depth - 1);
        case ';' -> {
          operators = 0;
          choices = 0;
        }
        default -> {
          most = Math.max(most, ++operators);
          if (at.group().equals("if")) {
            mostChoices = Math.max(mostChoices, ++choices);
          }
        }
      }
    }
    if (deepest > MOST_DEPTH) {
      problems.add(
          "%s: brackets are %d deep in one another; the most is %d"
              .formatted(file, deepest, MOST_DEPTH));
    }
    if (mostChoices > MOST_CHOICES) {
      problems.add(
          "%s: a policy has %d times if; the most is %d, so write it as several policies"
              .formatted(file, mostChoices, MOST_CHOICES));
    }
    if (most > MOST_OPERATORS) {
      problems.add(
          "%s: a policy has %d operators; the most is %d, so write it as several policies"
              .formatted(file, most, MOST_OPERATORS));
    }
    return problems;
  }
}
