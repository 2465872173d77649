package io.exeat.policy;

import java.util.List;

/**
 * Policy's answer. Reasons name the policies and attributes that decided.
 *
 * <p>Everything that is not {@link Permit} has no effect at all.
 */
public sealed interface Decision {
  List<String> because();

  record Permit(List<String> because) implements Decision {
    public Permit {
      because = List.copyOf(because);
    }
  }

  /**
   * @param reason for the caller
   */
  record Deny(String reason, List<String> because) implements Decision {
    public Deny {
      because = List.copyOf(because);
    }
  }
}
