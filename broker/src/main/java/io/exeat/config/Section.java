package io.exeat.config;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;

/**
 * The keys at one place of a file. Reading a key makes it legal; what nobody reads is a problem
 * that {@link Settings#finish} reports, with all others.
 */
public final class Section {
  private final Reading reading;
  private final String path;
  private final Tree.Mapping tree;
  private final Set<String> read = new LinkedHashSet<>();
  private final List<Section> children = new ArrayList<>();
  private String mode = "";

  Section(Reading reading, String path, Tree.Mapping tree) {
    this.reading = reading;
    this.path = path;
    this.tree = tree;
  }

  /** A single value; its environment variable wins over the file. */
  public <T> Value<T> one(String key, Shape<T> shape) {
    String at = at(key);
    reading.known(at, shape.allowed());
    Optional<String> variable = reading.variable(at);
    Optional<Tree> node = node(key);
    Runnable missing =
        () -> reading.problem(tree.line(), at, "is missing; it must be " + shape.allowed());
    if (variable.isPresent()) {
      Optional<T> parsed = shape.parser().apply(variable.get());
      if (parsed.isEmpty()) {
        reading.variableProblem(at, unlike(shape, variable.get()));
      }
      return new Value<>(parsed, parsed.isEmpty(), shape.standIn(), missing);
    }
    if (node.isEmpty()) {
      return new Value<>(Optional.empty(), false, shape.standIn(), missing);
    }
    Optional<T> parsed = parse(at, node.get(), shape);
    return new Value<>(parsed, parsed.isEmpty(), shape.standIn(), missing);
  }

  /**
   * A list of single values; in the environment with commas between them. Twice the same is a
   * problem.
   */
  public <T> Value<List<T>> all(String key, Shape<T> shape) {
    String at = at(key);
    reading.known(at, "a list, each " + shape.allowed());
    Runnable missing =
        () ->
            reading.problem(
                tree.line(), at, "is missing; it must be a list, each " + shape.allowed());
    Optional<String> variable = reading.variable(at);
    Optional<Tree> node = node(key);
    List<T> values = new ArrayList<>();
    if (variable.isPresent()) {
      for (String each : variable.get().isEmpty() ? new String[0] : variable.get().split(",", -1)) {
        Optional<T> parsed = shape.parser().apply(each);
        parsed.ifPresentOrElse(values::add, () -> reading.variableProblem(at, unlike(shape, each)));
      }
    } else if (node.isPresent() && node.get() instanceof Tree.Sequence list) {
      for (Tree item : list.items()) {
        Optional<T> parsed = parse(at, item, shape);
        if (parsed.isPresent() && values.contains(parsed.get())) {
          reading.problem(item.line(), at, "stands here twice");
        }
        parsed.ifPresent(values::add);
      }
    } else if (node.isPresent()) {
      reading.problem(
          node.get().line(), at, "must be a list, each " + shape.allowed() + ", such as [a, b]");
      return new Value<>(Optional.empty(), true, List.of(), missing);
    }
    boolean given = variable.isPresent() || node.isPresent();
    return new Value<>(
        given ? Optional.of(List.copyOf(values)) : Optional.empty(), false, List.of(), missing);
  }

  /** The keys below {@code key}; an empty section when there are none. */
  public Section section(String key) {
    return optionalSection(key).orElseGet(() -> none(key));
  }

  /** The keys below {@code key}, if one of them is there, in the file or in the environment. */
  public Optional<Section> optionalSection(String key) {
    Optional<Tree> node = node(key);
    if (node.isEmpty() && reading.variableBelow(at(key))) {
      return Optional.of(none(key));
    }
    return node.flatMap(it -> mapping(at(key), it)).map(map -> child(at(key), map));
  }

  private Section none(String key) {
    return child(at(key), new Tree.Mapping(tree.line(), new LinkedHashMap<>()));
  }

  /** The sections below {@code key} by their names, which the file chooses; in the file's order. */
  public Map<String, Section> named(String key, Shape<String> name) {
    Map<String, Section> named = new LinkedHashMap<>();
    Optional<Tree.Mapping> map = node(key).flatMap(node -> mapping(at(key), node));
    if (map.isPresent()) {
      map.get()
          .entries()
          .forEach((each, entry) -> {
            if (name.parser().apply(each).isEmpty()) {
              reading.problem(entry.line(), at(key), unlike(name, each));
            } else {
              String at = at(key) + "." + each;
              mapping(at, entry.value()).ifPresent(it -> named.put(each, child(at, it)));
            }
          });
    }
    return named;
  }

  /** The sections of the list at {@code key}. */
  public List<Section> listed(String key) {
    String at = at(key);
    List<Section> listed = new ArrayList<>();
    Optional<Tree> node = node(key);
    if (node.isPresent() && node.get() instanceof Tree.Sequence list) {
      for (Tree item : list.items()) {
        mapping(at + "[" + listed.size() + "]", item)
            .ifPresent(map -> listed.add(child(at + "[" + listed.size() + "]", map)));
      }
    } else if (node.isPresent()) {
      reading.problem(node.get().line(), at, "must be a list, not " + node.get().what());
    }
    return listed;
  }

  /**
   * Lets {@code key} choose who reads the rest of this section, so that the keys of the other
   * variants are refused.
   *
   * @param fallback the variant when the key is absent; one of {@code variants}
   */
  public <T> T mode(String key, String fallback, Map<String, Function<Section, T>> variants) {
    Shape<String> shape =
        new Shape<>(
            "one of " + String.join(", ", variants.keySet().stream().sorted().toList()),
            fallback,
            true,
            text -> Optional.of(text).filter(variants::containsKey));
    Value<String> chosen = one(key, shape);
    mode = chosen.or(fallback);
    Function<Section, T> variant = variants.get(mode);
    if (variant == null) {
      throw new IllegalArgumentException(fallback + " is no variant of " + at(key));
    }
    if (chosen.optional().isEmpty() && tree.entries().containsKey(key)) {
      // The mode is wrong and noted: whose keys the others are cannot be told.
      read.addAll(tree.entries().keySet());
    }
    return variant.apply(this);
  }

  /** Notes a problem that only the reader can see, at {@code key}. */
  public void problem(String key, String problem) {
    Tree.Entry entry = tree.entries().get(key);
    reading.problem(entry == null ? tree.line() : entry.line(), at(key), problem);
  }

  /** Notes every key that nobody read, here and below. */
  void refuseUnread() {
    tree.entries()
        .forEach((key, entry) -> {
          if (!read.contains(key)) {
            reading.problem(entry.line(), at(Shown.text(key)), noSuchKey());
          }
        });
    children.forEach(Section::refuseUnread);
  }

  private String noSuchKey() {
    String where = mode.isEmpty() ? "here" : "of mode " + mode;
    return read.isEmpty()
        ? "there is no such key; none is allowed " + where
        : "there is no such key " + where + "; there are " + String.join(", ", read);
  }

  private <T> Optional<T> parse(String at, Tree node, Shape<T> shape) {
    if (!(node instanceof Tree.Scalar scalar)) {
      reading.problem(node.line(), at, "must be " + shape.allowed() + ", not " + node.what());
      return Optional.empty();
    }
    Optional<T> parsed = scalar.isNull() ? Optional.empty() : shape.parser().apply(scalar.text());
    if (parsed.isEmpty()) {
      reading.problem(node.line(), at, unlike(shape, scalar.text()));
    }
    return parsed;
  }

  private static String unlike(Shape<?> shape, String text) {
    return (shape.shown() ? Shown.text(text) : "the value") + " is not " + shape.allowed();
  }

  private Optional<Tree.Mapping> mapping(String at, Tree node) {
    if (node instanceof Tree.Mapping mapping) {
      return Optional.of(mapping);
    }
    boolean empty = node instanceof Tree.Scalar scalar && scalar.isNull();
    if (!empty) {
      reading.problem(node.line(), at, "must be keys with values, not " + node.what());
    }
    return empty
        ? Optional.of(new Tree.Mapping(node.line(), new LinkedHashMap<>()))
        : Optional.empty();
  }

  private Section child(String at, Tree.Mapping map) {
    Section child = new Section(reading, at, map);
    children.add(child);
    return child;
  }

  private Optional<Tree> node(String key) {
    read.add(key);
    return Optional.ofNullable(tree.entries().get(key)).map(Tree.Entry::value);
  }

  private String at(String key) {
    return path.isEmpty() ? key : path + "." + key;
  }
}
