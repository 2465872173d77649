package io.exeat.policy;

import java.util.List;

/**
 * One policy that decided.
 *
 * @param policy its identifier
 * @param attributes what of the question it looks at, as in {@code agent.tier}
 */
public record Reason(String policy, List<String> attributes) {
  public Reason {
    attributes = List.copyOf(attributes);
  }

  @Override
  public String toString() {
    return attributes.isEmpty() ? policy : policy + " (" + String.join(", ", attributes) + ")";
  }
}
