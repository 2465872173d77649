package io.exeat.config;

import io.spiffe.exception.InvalidSpiffeIdException;
import io.spiffe.spiffeid.SpiffeId;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.Collection;
import java.util.Locale;
import java.util.Optional;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;
import java.util.stream.Collectors;

/**
 * What a single value must look like.
 *
 * @param allowed for people, such as {@code a duration from 10ms to 5m, such as 30s}
 * @param standIn what a reader goes on with after a problem was noted; it is never used
 * @param shown whether the value may be repeated in a message
 * @param parser empty when the text is not of this shape
 */
public record Shape<T>(
    String allowed, T standIn, boolean shown, Function<String, Optional<T>> parser) {
  private static final Pattern NAME = Pattern.compile("[a-z0-9-]{1,63}");

  /** Letters for people: one line, no control or direction-changing characters. */
  public static Shape<String> text(int most) {
    return new Shape<>(
        "a text of 1 to " + most + " characters in one line, without control characters",
        "",
        true,
        text -> Optional.of(text).filter(it -> isPlain(it) && it.length() <= most));
  }

  /** A catalogue or agent name. */
  public static Shape<String> name() {
    return matching(NAME, "a name of 1 to 63 characters of a-z, 0-9 and -");
  }

  /** A text that {@code pattern} matches whole. */
  public static Shape<String> matching(Pattern pattern, String allowed) {
    return new Shape<>(
        allowed, "", true, text -> Optional.of(text).filter(it -> pattern.matcher(it).matches()));
  }

  /** One of a few names that exist elsewhere: {@code no such grant}. */
  public static Shape<String> nameOf(String what, Collection<String> names) {
    String known = names.isEmpty() ? "there are none" : String.join(", ", new TreeSet<>(names));
    return new Shape<>(
        "a known " + what + " (" + known + ")",
        "",
        true,
        text -> Optional.of(text).filter(names::contains));
  }

  /** A constant's name in lower case, with dashes. */
  public static <E extends Enum<E>> Shape<E> oneOf(Class<E> type) {
    E[] constants = type.getEnumConstants();
    return new Shape<>(
        "one of " + Arrays.stream(constants).map(Shape::word).collect(Collectors.joining(", ")),
        constants[0],
        true,
        text -> Arrays.stream(constants).filter(each -> word(each).equals(text)).findAny());
  }

  /** {@code true} or {@code false}. */
  public static Shape<Boolean> flag() {
    return new Shape<>(
        "true or false",
        false,
        true,
        text ->
            switch (text) {
              case "true" -> Optional.of(true);
              case "false" -> Optional.of(false);
              default -> Optional.empty();
            });
  }

  /** A whole number, bounds included. */
  public static Shape<Integer> number(int least, int most) {
    return new Shape<>(
        "a whole number from " + least + " to " + most,
        least,
        true,
        text ->
            Optional.of(text)
                .filter(it -> it.matches("-?[0-9]{1,10}"))
                .map(Long::parseLong)
                .filter(it -> it >= least && it <= most)
                .map(Long::intValue));
  }

  /** A whole number with unit ms, s, m, h or d, bounds included. */
  public static Shape<Duration> duration(Duration least, Duration most) {
    return new Shape<>(
        "a duration with its unit (ms, s, m, h, d) from "
            + Units.show(least)
            + " to "
            + Units.show(most)
            + ", such as 30s",
        least,
        true,
        text ->
            Units.duration(text).filter(it -> it.compareTo(least) >= 0 && it.compareTo(most) <= 0));
  }

  /** A number of bytes with unit B, KiB, MiB or GiB, bounds included. */
  public static Shape<Long> size(long least, long most) {
    return new Shape<>(
        "a size with its unit (B, KiB, MiB, GiB) from "
            + Units.show(least)
            + " to "
            + Units.show(most)
            + ", such as 64KiB",
        least,
        true,
        text -> Units.size(text).filter(it -> it >= least && it <= most));
  }

  /** An absolute URI of one of {@code schemes}, without user, password, query or fragment. */
  public static Shape<URI> uri(String... schemes) {
    return new Shape<>(
        "a URI of scheme "
            + String.join(" or ", schemes)
            + " without user, password, query or fragment",
        URI.create("stand-in:none"),
        false,
        text -> Shape.parseUri(text, schemes));
  }

  /** A file or folder, absolute or relative to where the broker was started. */
  public static Shape<Path> path() {
    return new Shape<>("a path", Path.of(""), true, Shape::parsePath);
  }

  /** The file that a secret is in; what is given in its place is never repeated. */
  public static Shape<Path> secretFile() {
    return new Shape<>(
        "the path of the file that the secret is in, beginning with / or ./",
        Path.of(""),
        false,
        text ->
            Optional.of(text)
                .filter(it -> it.startsWith("/") || it.startsWith("./"))
                .flatMap(Shape::parsePath));
  }

  /** A SPIFFE ID with a path (SPIFFE-ID specification, section 2). */
  public static Shape<SpiffeId> spiffeId() {
    return new Shape<>(
        "a SPIFFE ID with a path, such as spiffe://example.org/ns/demo/sa/app/agent/app",
        SpiffeId.parse("spiffe://stand.in/none"),
        true,
        text -> {
          try {
            return Optional.of(SpiffeId.parse(text))
                .filter(id -> !id.getPath().isEmpty() && id.toString().equals(text));
          } catch (InvalidSpiffeIdException e) {
            return Optional.empty();
          }
        });
  }

  /** A regular expression of at most {@code most} characters ({@link Pattern}). */
  public static Shape<Pattern> pattern(int most) {
    return new Shape<>(
        "a regular expression of 1 to "
            + most
            + " characters, without groups that repeat inside a repetition or refer back",
        Pattern.compile("stand-in"),
        true,
        text -> {
          if (!isPlain(text) || text.length() > most || SlowPattern.isSlow(text)) {
            return Optional.empty();
          }
          try {
            return Optional.of(Pattern.compile(text));
          } catch (PatternSyntaxException e) {
            return Optional.empty();
          }
        });
  }

  /** The constant as it stands in a file. */
  private static String word(Enum<?> constant) {
    return constant.name().toLowerCase(Locale.ROOT).replace('_', '-');
  }

  private static Optional<URI> parseUri(String text, String... schemes) {
    try {
      URI uri = new URI(text);
      boolean allowed =
          uri.getScheme() != null
              && Arrays.asList(schemes).contains(uri.getScheme())
              && uri.getRawUserInfo() == null
              && uri.getRawQuery() == null
              && uri.getRawFragment() == null
              && (uri.getHost() != null || isLocalPath(uri));
      return allowed ? Optional.of(uri) : Optional.empty();
    } catch (URISyntaxException e) {
      return Optional.empty();
    }
  }

  /** {@code unix:/run/x.sock} and {@code unix:///run/x.sock} name no host. */
  private static boolean isLocalPath(URI uri) {
    return uri.getScheme().equals("unix")
        && uri.getRawAuthority() == null
        && uri.getPath() != null
        && uri.getPath().startsWith("/");
  }

  private static Optional<Path> parsePath(String text) {
    try {
      return isPlain(text) ? Optional.of(Path.of(text)) : Optional.empty();
    } catch (InvalidPathException e) {
      return Optional.empty();
    }
  }

  private static boolean isPlain(String text) {
    return !text.isEmpty()
        && text.codePoints()
            .noneMatch(c ->
                switch (Character.getType(c)) {
                  case Character.CONTROL,
                      Character.FORMAT,
                      Character.SURROGATE,
                      Character.UNASSIGNED,
                      Character.LINE_SEPARATOR,
                      Character.PARAGRAPH_SEPARATOR ->
                      true;
                  default -> false;
                });
  }
}
