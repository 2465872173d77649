package io.exeat.task;

import io.exeat.base.TaskId;
import java.util.Collections;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;

/** Tasks by what they belong to, for questions that must not look at all tasks. */
final class Grouped<K> {
  private final ConcurrentMap<K, Set<TaskId>> groups = new ConcurrentHashMap<>();

  void add(K key, TaskId task) {
    var _ =
        groups.compute(
            key,
            (same, of) -> {
              Set<TaskId> group = of == null ? ConcurrentHashMap.newKeySet() : of;
              group.add(task);
              return group;
            });
  }

  void remove(K key, TaskId task) {
    var _ =
        groups.computeIfPresent(
            key,
            (same, of) -> {
              of.remove(task);
              return of.isEmpty() ? null : of;
            });
  }

  Set<TaskId> of(K key) {
    return Collections.unmodifiableSet(groups.getOrDefault(key, Set.of()));
  }
}
