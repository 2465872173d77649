package io.exeat.audit;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * The names of a chain's files: {@code exeat-<first seq, 12 digits>.jsonl}, so that names sort as
 * they follow.
 */
public final class ChainFiles {
  private static final Pattern NAME = Pattern.compile("exeat-([0-9]{12})\\.jsonl");

  private ChainFiles() {}

  /** Oldest first. */
  public static List<Path> in(Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files
          .filter(file -> NAME.matcher(String.valueOf(file.getFileName())).matches())
          .sorted()
          .toList();
    }
  }

  public static Path named(Path folder, long firstSeq) {
    return folder.resolve(String.format(Locale.ROOT, "exeat-%012d.jsonl", firstSeq));
  }

  /** The position of the file's first record, by its name. */
  public static long firstSeq(Path file) {
    String name = String.valueOf(file.getFileName());
    return Long.parseLong(name.substring("exeat-".length(), name.length() - ".jsonl".length()));
  }
}
