package io.exeat.policy;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.charset.StandardCharsets;

/**
 * A question as a document and what policy said to it, as the audit keeps them.
 *
 * @param canonical the document's canonical JSON
 * @param sha256 of that, in hex
 */
public record Answer(ObjectNode question, String canonical, String sha256, Decision decision) {
  /** The answer to the question that {@code document} is; the document must not change any more. */
  public static Answer of(ObjectNode document, Decision decision) {
    String canonical = CanonicalJson.text(document);
    String sha256 = CanonicalJson.sha256(canonical.getBytes(StandardCharsets.UTF_8));
    return new Answer(document, canonical, sha256, decision);
  }
}
