package io.exeat.policy.cedar;

import java.util.AbstractMap;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * A record of Cedar's, each of whose values is made when a policy looks at it: most policies look
 * at few, and all are made for each decision. For one thread.
 */
final class LazyRecord extends AbstractMap<String, Object> {
  private final List<String> names;
  private final Function<String, @Nullable Object> made;
  private final Map<String, Object> known = new HashMap<>(8);

  /**
   * @param names of all
   * @param made a value by its name; null for any other name
   */
  LazyRecord(List<String> names, Function<String, @Nullable Object> made) {
    this.names = names;
    this.made = made;
  }

  @Override
  public @Nullable Object get(@Nullable Object name) {
    return name instanceof String text ? known.computeIfAbsent(text, made) : null;
  }

  @Override
  public boolean containsKey(@Nullable Object name) {
    return get(name) != null;
  }

  @Override
  public int size() {
    return names.size();
  }

  @Override
  public Set<Entry<String, Object>> entrySet() {
    Map<String, Object> all = new LinkedHashMap<>();
    for (String name : names) {
      Object value = get(name);
      if (value == null) {
        throw new IllegalStateException("nothing is made for " + name);
      }
      all.put(name, value);
    }
    return all.entrySet();
  }
}
