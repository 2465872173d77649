package io.exeat.policy;

import java.util.List;
import java.util.Optional;
import java.util.Set;

/** Policy's answer. Everything that is not {@link Permit} has no effect at all. */
public sealed interface Decision {
  /** What decided; empty when no policy spoke. */
  List<Reason> because();

  /** SHA-256, in hex, of the policies that were in force; empty when there were none. */
  String policy();

  /**
   * What several together are: a permit when all are. Of those that are not, the hardest says why:
   * a denial, which holds whatever those that failed would have been. All whose yes is missing are
   * asked together.
   *
   * @param decisions at least one
   */
  static Decision together(List<Decision> decisions) {
    for (Class<? extends Decision> hard : List.of(Deny.class, Failed.class)) {
      Optional<Decision> first = decisions.stream().filter(hard::isInstance).findFirst();
      if (first.isPresent()) {
        return first.get();
      }
    }
    List<Decision> asking = decisions.stream().filter(Ask.class::isInstance).toList();
    String policy = decisions.getFirst().policy();
    return asking.isEmpty()
        ? new Permit(because(decisions), policy)
        : new Ask(
            asking.stream()
                .flatMap(it -> ((Ask) it).approvers().stream())
                .distinct()
                .sorted()
                .toList(),
            because(asking),
            policy);
  }

  private static List<Reason> because(List<Decision> decisions) {
    return decisions.stream().flatMap(it -> it.because().stream()).distinct().toList();
  }

  /** {@code permit}, {@code ask}, {@code deny} or {@code failed}. */
  default String word() {
    return switch (this) {
      case Permit _ -> "permit";
      case Ask _ -> "ask";
      case Deny _ -> "deny";
      case Failed _ -> "failed";
    };
  }

  /** Whose yes is missing; nobody's unless it is an {@link Ask}. */
  default Set<String> asked() {
    return this instanceof Ask ask ? Set.copyOf(ask.approvers()) : Set.of();
  }

  /** Whether a caller gets the same: the word, and whose yes is missing; for whatever reason. */
  default boolean isLike(Decision other) {
    return word().equals(other.word()) && asked().equals(other.asked());
  }

  record Permit(List<Reason> because, String policy) implements Decision {
    public Permit {
      because = List.copyOf(because);
    }
  }

  /**
   * It would be permitted if these had said yes to exactly this; or these and others, whom policy
   * asks for then.
   *
   * @param approvers the words that {@link Question#approvals} must hold, sorted
   */
  record Ask(List<String> approvers, List<Reason> because, String policy) implements Decision {
    public Ask {
      approvers = List.copyOf(approvers);
      because = List.copyOf(because);
    }
  }

  /**
   * @param reason for the caller
   */
  record Deny(String reason, List<Reason> because, String policy) implements Decision {
    public Deny {
      because = List.copyOf(because);
    }
  }

  /**
   * No answer, which is no.
   *
   * @param problem for people: what happened, what to do
   */
  record Failed(String problem, String policy) implements Decision {
    @Override
    public List<Reason> because() {
      return List.of();
    }
  }
}
