package io.exeat.config;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/** What came up while one file was read: problems, the keys asked for, the variables used. */
final class Reading {
  private static final String PREFIX = "EXEAT_";

  private final Map<String, String> environment;
  private final Set<String> used = new HashSet<>();
  private final Map<String, String> known = new TreeMap<>();
  private final List<Problem> problems = new ArrayList<>();

  /**
   * @param others variables with our prefix that no key has
   */
  Reading(Map<String, String> environment, Set<String> others) {
    Map<String, String> keys = new HashMap<>(environment);
    keys.keySet().removeAll(others);
    this.environment = Map.copyOf(keys);
  }

  void known(String path, String allowed) {
    known.put(path, allowed);
  }

  Map<String, String> known() {
    return Map.copyOf(known);
  }

  Optional<String> variable(String path) {
    String name = variableName(path);
    used.add(name);
    return Optional.ofNullable(environment.get(name));
  }

  /** Whether a variable is set that a key below {@code path} would have. */
  boolean variableBelow(String path) {
    String prefix = variableName(path) + "_";
    return environment.keySet().stream().anyMatch(name -> name.startsWith(prefix));
  }

  void problem(int line, String path, String problem) {
    problems.add(new Problem(line, path, problem));
  }

  void variableProblem(String path, String problem) {
    problems.add(new Problem(Integer.MAX_VALUE, variableName(path), problem));
  }

  /** Notes every variable with our prefix that nobody asked for; its value is not repeated. */
  void refuseUnusedVariables() {
    for (String name : new TreeSet<>(environment.keySet())) {
      if (name.startsWith(PREFIX) && !used.contains(name)) {
        problems.add(
            new Problem(Integer.MAX_VALUE, name, "no key in use has this environment variable"));
      }
    }
  }

  /** One line each, in the file's order, then the environment's. */
  List<String> problems() {
    return problems.stream()
        .sorted(Comparator.comparingInt(Problem::line))
        .map(Problem::shown)
        .distinct()
        .toList();
  }

  private static String variableName(String path) {
    return PREFIX + path.toUpperCase(Locale.ROOT).replace('.', '_').replace('-', '_');
  }

  private record Problem(int line, String where, String problem) {
    String shown() {
      return (line == Integer.MAX_VALUE ? "" : "line " + line + ": ") + where + ": " + problem;
    }
  }
}
