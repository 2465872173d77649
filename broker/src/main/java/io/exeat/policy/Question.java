package io.exeat.policy;

import io.exeat.task.Step;
import io.exeat.task.Tier;
import java.time.Duration;
import java.util.HashSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * What is asked of policy: may this be done, now. {@link QuestionJson} is the same as a document,
 * for engines, for the audit and for the hash.
 *
 * @param tool empty when no tool is used
 * @param risk 0 for none to 100
 * @param approvals who said yes to exactly this act: {@code owner}, {@code operator}
 */
public record Question(
    Caller agent,
    Leave task,
    Action action,
    Optional<String> tool,
    Arguments arguments,
    Resource resource,
    Source source,
    Destination destination,
    Step step,
    History history,
    int risk,
    Set<String> approvals) {
  public Question {
    approvals = Set.copyOf(approvals);
  }

  /** The same with these approvals too. */
  public Question with(Set<String> more) {
    Set<String> all = new HashSet<>(approvals);
    all.addAll(more);
    return new Question(
        agent,
        task,
        action,
        tool,
        arguments,
        resource,
        source,
        destination,
        step,
        history,
        risk,
        all);
  }

  /**
   * The agent, as attested and as the catalogue knows it.
   *
   * @param id its SPIFFE ID
   * @param name in the catalogue
   */
  public record Caller(String id, String name, String owner, Tier tier, Attestation attestation) {}

  /**
   * What the kernel or the handshake says of the agent.
   *
   * @param kind {@code process}, {@code mtls}, or by what else a door knows it: {@code jwt}
   * @param trustDomain whose authority vouches for the SPIFFE ID
   * @param uid of the process, when it connected
   * @param gid of the process, when it connected
   */
  public record Attestation(
      String kind, String trustDomain, Optional<Integer> uid, Optional<Integer> gid) {}

  /**
   * The task.
   *
   * @param parameters of the intent
   * @param scope names of grants; of the coming epoch when its change is the question
   * @param depth of delegation; 0 for a task that its agent opened itself
   * @param age since it was opened
   * @param lifetime from its opening to its deadline
   */
  public record Leave(
      String id,
      String intent,
      Map<String, String> parameters,
      Set<String> scope,
      long epoch,
      int depth,
      Duration age,
      Duration lifetime) {
    public Leave {
      parameters = Map.copyOf(parameters);
      scope = Set.copyOf(scope);
    }
  }

  /**
   * What the act is on.
   *
   * @param kind {@code grant}, or {@code intent} for what is asked before any grant
   * @param name of the grant or the intent
   * @param system the target's catalogue name; empty for an intent
   * @param dataClass of what it reaches; empty for an intent
   * @param environment of the target; empty for an intent
   * @param actions what the grant is good for
   */
  public record Resource(
      String kind,
      String name,
      String system,
      String dataClass,
      String environment,
      Set<String> actions) {
    /** {@link #kind} of a grant. */
    public static final String GRANT = "grant";

    /** {@link #kind} of an intent. */
    public static final String INTENT = "intent";

    public Resource {
      actions = Set.copyOf(actions);
    }

    static boolean isKind(String text) {
      return text.equals(GRANT) || text.equals(INTENT);
    }
  }

  /**
   * Where it comes from.
   *
   * @param outside whether the tool's results come from outside
   */
  public record Source(Door door, boolean outside) {}

  /**
   * Where it leads.
   *
   * @param host the target's, or where the tool or the request sends to; may be empty
   * @param outside whether it is none of the catalogue's targets
   */
  public record Destination(String host, boolean outside) {}
}
