package io.exeat.policy;

import java.util.Locale;
import java.util.Optional;

/** What an agent is about to do. The word is the action's name in policies. */
public enum Action {
  /** Open a task for an intent. */
  OPEN,
  /** Hold a grant in the scope of a task: asked for each grant when a task opens or changes. */
  HOLD,
  /** Change a task's scope. */
  RESCOPE,
  /** Be handed a credential. */
  ISSUE,
  /** Call a tool. */
  CALL,
  /** Read a resource that a tool server offers. */
  READ,
  /** Get a prompt that a tool server offers. */
  PROMPT,
  /** Connect to a target through a proxy. */
  CONNECT,
  /** Send a statement to a target through a proxy. */
  QUERY,
  /** Send an HTTP request through a proxy. */
  REQUEST,
  /** Hand leave on to another agent. */
  DELEGATE;

  private final String word = name().toLowerCase(Locale.ROOT);

  /** The name in policies, in the question and in the audit. */
  public String word() {
    return word;
  }

  /** The action with this {@link #word}. */
  public static Optional<Action> of(String word) {
    for (Action each : values()) {
      if (each.word().equals(word)) {
        return Optional.of(each);
      }
    }
    return Optional.empty();
  }
}
