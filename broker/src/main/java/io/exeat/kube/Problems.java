package io.exeat.kube;

import java.util.ArrayList;
import java.util.List;

/** Why a pod is refused, all reasons at once, as far as a message may be long. */
final class Problems {
  private static final int MOST = 20;

  private final List<String> all = new ArrayList<>();
  private int more;

  void add(String problem) {
    if (all.contains(problem)) {
      return;
    }
    if (all.size() < MOST) {
      all.add(problem);
    } else {
      more++;
    }
  }

  boolean isEmpty() {
    return all.isEmpty();
  }

  /** One line. */
  String told() {
    return "exeat: "
        + String.join("; ", all)
        + (more > 0 ? "; and " + more + " more problems" : "");
  }
}
