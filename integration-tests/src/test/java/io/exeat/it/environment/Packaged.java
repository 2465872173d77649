package io.exeat.it.environment;

import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** The packaged broker, and the Java that runs it, as the build names them. */
public final class Packaged {
  /** In the launcher {@code exeat}; java finds no cache that was made with other options. */
  private static final Pattern OPTIONS = Pattern.compile("options=\"(-XX:[^\"]*)\"");

  private static final Pattern IN_BRIEF = Pattern.compile("in_brief=\"(-XX:[^\"]*)\"");

  private static final Pattern QUIET = Pattern.compile("quiet=\"(-Xlog:[^\"]*)\"");

  private static final Pattern MANY = Pattern.compile("many=\"(-XX:[^\"]*)\"");

  private static final Pattern ROOM = Pattern.compile("room=\"(-Xms[^\"]*)\"");

  private Packaged() {}

  /** The sources' root. */
  public static Path root() {
    return Path.of(System.getProperty("exeat.root", "..")).toAbsolutePath().normalize();
  }

  static Path jar() {
    return named("exeat.jar", "broker/target/exeat.jar");
  }

  /** The folder with what the jar needs. */
  static Path lib() {
    return named("exeat.lib", "broker/target/lib");
  }

  static Path java() {
    return Path.of(
        System.getProperty("exeat.java.home", System.getProperty("java.home")), "bin", "java");
  }

  private static Path named(String property, String usual) {
    Path path =
        Optional.ofNullable(System.getProperty(property))
            .map(Path::of)
            .orElseGet(() -> root().resolve(usual))
            .toAbsolutePath()
            .normalize();
    if (!Files.exists(path)) {
      throw new IllegalStateException(path + " is not there: build the broker first");
    }
    return path;
  }

  /**
   * {@code exeat …} with the options of the launcher, and its cache of classes when there is one.
   */
  public static List<String> command(String... words) {
    List<String> options = new ArrayList<>(options());
    Path cache = cache();
    if (Files.exists(cache)) {
      options.add("-XX:AOTCache=" + cache);
      options.addAll(List.of(option(QUIET).split(" ")));
    }
    return command(options, words);
  }

  /** The same with the launcher's options for a broker that serves many agents. */
  public static List<String> many(String... words) {
    List<String> command = command(words);
    command.addAll(command.indexOf("-jar"), words(option(MANY) + " " + option(ROOM)));
    return command;
  }

  /**
   * The same for a command that asks something and is over, with the launcher's option for such.
   */
  static List<String> brief(String... words) {
    List<String> command = command(words);
    command.add(command.indexOf("-jar"), option(IN_BRIEF));
    return command;
  }

  /**
   * Runs {@code exeat …} to its end; what it says is returned, or is in the message of its failure.
   * On a busy machine a new JVM's first handshake can take longer than a connection to Vault has:
   * then it runs again, as its operator would do.
   */
  public static String run(String... words) {
    for (int left = 5; ; left--) {
      try {
        return Processes.run(Duration.ofMinutes(1), command(words));
      } catch (IllegalStateException e) {
        if (left == 0 || !String.valueOf(e.getMessage()).contains("Vault cannot be reached")) {
          throw e;
        }
      }
    }
  }

  private static List<String> command(List<String> options, String... words) {
    List<String> command = new ArrayList<>();
    command.add(java().toString());
    command.addAll(options);
    command.addAll(List.of("-jar", jar().toString()));
    command.addAll(List.of(words));
    return command;
  }

  /** {@code exeat …} with classes of a test's in front of its own, and without any cache. */
  public static List<String> patched(Path classes, String... words) {
    List<String> command = new ArrayList<>();
    command.add(java().toString());
    command.addAll(options());
    command.addAll(List.of("-cp", classes + File.pathSeparator + jar(), "io.exeat.app.Main"));
    command.addAll(List.of(words));
    return command;
  }

  /** What the packaged classes are compiled against, themselves included. */
  public static List<Path> classPath() {
    try (Stream<Path> lib = Files.list(lib())) {
      return Stream.concat(Stream.of(jar()), lib).toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static List<String> options() {
    return words(option(OPTIONS).replaceAll("\\$\\{EXEAT_HEAP:-([^}]*)}", "$1"));
  }

  /** A line of the launcher that goes on in the next one is one. */
  private static List<String> words(String text) {
    return List.of(text.replace("\\\n", " ").strip().split("\\s+"));
  }

  private static String option(Pattern where) {
    try {
      Matcher found = where.matcher(Files.readString(root().resolve("exeat")));
      if (!found.find()) {
        throw new IllegalStateException("the launcher exeat does not say its options for java");
      }
      return found.group(1);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static Path cache() {
    return jar().resolveSibling("exeat.aot");
  }

  /** Makes the launcher's cache of classes, as the launcher does before the first start. */
  public static void rehearse() {
    Turn.take(() -> {
      rehearseOnce();
      return true;
    });
  }

  private static void rehearseOnce() {
    try {
      if (Files.exists(cache())
          && Files.getLastModifiedTime(cache()).compareTo(Files.getLastModifiedTime(jar())) > 0) {
        return;
      }
      List<String> options = new ArrayList<>(options());
      Path fresh = cache().resolveSibling("exeat.aot.fresh");
      options.add("-XX:AOTCacheOutput=" + fresh);
      var _ = Processes.run(Duration.ofMinutes(2), command(options, "rehearse"));
      Files.move(fresh, cache(), StandardCopyOption.REPLACE_EXISTING);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
