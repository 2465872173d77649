package io.exeat.it.fault;

import io.exeat.it.environment.Packaged;
import java.io.File;
import java.io.IOException;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import javax.tools.JavaCompiler;
import javax.tools.StandardJavaFileManager;
import javax.tools.ToolProvider;

/**
 * A change to a text of the sources that breaks it on purpose. It must fit in one place exactly: a
 * change that does not fit any more is a failed test, not a mutant that is missed.
 *
 * @param file below the sources' root
 */
record Patch(String file, String from, String to) {
  private static final String JAVA = "broker/src/main/java/";

  static Patch java(String type, String from, String to) {
    return new Patch(JAVA + type.replace('.', '/') + ".java", from, to);
  }

  boolean isJava() {
    return file.startsWith(JAVA);
  }

  /**
   * The text with the change.
   *
   * @throws AssertionError when there is not exactly one place for it
   */
  String apply(String text) {
    // However the lines are wrapped.
    String pattern =
        Stream.of(from.strip().split("\\s+", -1))
            .map(Pattern::quote)
            .collect(Collectors.joining("\\s+"));
    List<MatchResult> places = Pattern.compile(pattern).matcher(text).results().toList();
    if (places.size() != 1) {
      throw new AssertionError(
          "the patch of " + file + " fits in " + places.size() + " places: " + from);
    }
    MatchResult place = places.getFirst();
    return text.substring(0, place.start()) + to + text.substring(place.end());
  }

  /** Compiles the patched classes alone into a new folder, against the packaged ones. */
  static Path compile(List<Patch> patches, Path folder) {
    JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
    if (compiler == null) {
      throw new IllegalStateException("no compiler: the tests need a JDK");
    }
    try (StandardJavaFileManager files = compiler.getStandardFileManager(null, null, null)) {
      Map<String, String> texts = new LinkedHashMap<>();
      for (Patch patch : patches) {
        String text = texts.get(patch.file);
        texts.put(
            patch.file,
            patch.apply(
                text == null ? Files.readString(Packaged.root().resolve(patch.file)) : text));
      }
      List<Path> sources = new ArrayList<>();
      for (Map.Entry<String, String> each : texts.entrySet()) {
        Path source = folder.resolve("src").resolve(each.getKey());
        Files.createDirectories(source.getParent());
        sources.add(Files.writeString(source, each.getValue()));
      }
      Path classes = Files.createDirectories(folder.resolve("classes"));
      String classPath =
          Packaged.classPath().stream()
              .map(Path::toString)
              .collect(Collectors.joining(File.pathSeparator));
      StringWriter said = new StringWriter();
      boolean compiled =
          compiler
              .getTask(
                  said,
                  files,
                  null,
                  List.of("-proc:none", "-nowarn", "-d", classes.toString(), "-cp", classPath),
                  null,
                  files.getJavaFileObjectsFromPaths(sources))
              .call();
      if (!compiled) {
        throw new AssertionError("a mutant does not compile:\n" + said);
      }
      return classes;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
