package io.exeat.credential.vault;

import java.util.List;

/**
 * One thing in Vault, compared with what the catalogue asks for.
 *
 * @param what its path, such as {@code auth/token/roles/orders-agent}
 * @param fields the fields that differ; what stands in them is not told
 */
public record Change(String what, Kind kind, List<String> fields) {
  public Change {
    fields = List.copyOf(fields);
  }

  /** What is, or would be, done about it. */
  public enum Kind {
    SAME,
    CREATE,
    UPDATE,
    /** Written each time: it holds a password, which cannot be compared. */
    REWRITE,
    /** Not as asked, and left so on purpose; {@code fields} says why. */
    LEFT
  }
}
