package io.exeat.config;

import java.util.LinkedHashMap;
import java.util.List;

/** A YAML document as written: no types, no aliases, with the line (from 1) of each part. */
sealed interface Tree {
  int line();

  /** What it is, for people. */
  String what();

  /**
   * @param quoted whether the text stood in quotes or a block, so that {@code null} is a word
   */
  record Scalar(int line, String text, boolean quoted) implements Tree {
    /** Whether nothing was written, or YAML 1.2's null. */
    boolean isNull() {
      return !quoted && (text.isEmpty() || text.equals("~") || text.equals("null"));
    }

    @Override
    public String what() {
      return "a single value";
    }
  }

  record Sequence(int line, List<Tree> items) implements Tree {
    @Override
    public String what() {
      return "a list";
    }
  }

  record Mapping(int line, LinkedHashMap<String, Entry> entries) implements Tree {
    @Override
    public String what() {
      return "a map of keys";
    }
  }

  /**
   * @param line of the key
   */
  record Entry(int line, Tree value) {}
}
