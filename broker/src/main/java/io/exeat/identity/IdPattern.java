package io.exeat.identity;

import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import io.spiffe.spiffeid.SpiffeId;
import java.util.List;
import java.util.function.Predicate;

/**
 * SPIFFE IDs of one shape, such as {@code spiffe://example.org/host/h1/agent/*}: a segment {@code
 * *} is any one segment and never more, because a {@code *} that crossed {@code /} would let one
 * namespace's owner write another one's name. The trust domain is always exact.
 */
public record IdPattern(String text) implements Predicate<SpiffeId> {
  /**
   * @throws FaultException Malformed for {@code pattern} when it is no SPIFFE ID with some segments
   *     {@code *}
   */
  public IdPattern {
    if (text.startsWith("spiffe://*")) {
      throw new FaultException(new Fault.Malformed("pattern", "the trust domain must be exact"));
    }
    SpiffeIds.parseWorkload("pattern", text.replace("/*", "/x"));
  }

  @Override
  public boolean test(SpiffeId id) {
    List<String> wanted = List.of(text.split("/", -1));
    List<String> given = List.of(id.toString().split("/", -1));
    if (wanted.size() != given.size()) {
      return false;
    }
    for (int i = 0; i < wanted.size(); i++) {
      if (!wanted.get(i).equals("*") && !wanted.get(i).equals(given.get(i))) {
        return false;
      }
    }
    return true;
  }

  @Override
  public String toString() {
    return text;
  }
}
