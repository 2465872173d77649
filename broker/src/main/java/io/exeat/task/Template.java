package io.exeat.task;

import io.exeat.config.Shape;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A text with places for what was lent: {@code {user}} and {@code {secret}}; {@code {basic}}, the
 * two as RFC 7617 has them; {@code {host}}, {@code {port}} and {@code {database}} of the target.
 */
public record Template(String text) {
  /** Places that hold the secret. */
  public static final Set<String> SECRET = Set.of("secret", "basic");

  private static final Set<String> PLACES =
      Set.of("user", "secret", "basic", "host", "port", "database");
  private static final Pattern PLACE = Pattern.compile("\\{([^{}]*)}");
  private static final int MOST = 1_000;

  /**
   * The text with every place filled.
   *
   * @throws IllegalArgumentException when {@code values} lacks one of {@link #places}
   */
  public String fill(Map<String, String> values) {
    Matcher matcher = PLACE.matcher(text);
    StringBuilder filled = new StringBuilder();
    while (matcher.find()) {
      String value = values.get(matcher.group(1));
      if (value == null) {
        throw new IllegalArgumentException("there is no {" + matcher.group(1) + "} to fill in");
      }
      matcher.appendReplacement(filled, Matcher.quoteReplacement(value));
    }
    matcher.appendTail(filled);
    return filled.toString();
  }

  /** The places in it. */
  public Set<String> places() {
    Set<String> places = new TreeSet<>();
    Matcher matcher = PLACE.matcher(text);
    while (matcher.find()) {
      places.add(matcher.group(1));
    }
    return places;
  }

  /** Whether the secret stands in it. */
  boolean holdsSecret() {
    return places().stream().anyMatch(SECRET::contains);
  }

  static Shape<Template> shape() {
    Shape<String> text = Shape.text(MOST);
    return new Shape<>(
        text.allowed() + ", in which {…} is one of " + new TreeSet<>(PLACES),
        new Template(""),
        true,
        it ->
            text.parser()
                .apply(it)
                .map(Template::new)
                .filter(template -> PLACES.containsAll(template.places())));
  }

  /** The same, where everybody on the machine can read it: in the words of a command. */
  static Shape<Template> open() {
    Shape<Template> any = shape();
    return new Shape<>(
        any.allowed().replace("basic, ", "").replace(", secret", "")
            + ", never the secret, which everybody on the machine could read there",
        any.standIn(),
        true,
        it -> any.parser().apply(it).filter(template -> !template.holdsSecret()));
  }
}
