package io.exeat.gateway.jsonrpc;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Iterator;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/** The protocol's words. Some servers read them without regard to case; then two are one. */
final class Words {
  static final Set<String> ENVELOPE =
      Set.of("jsonrpc", "id", "method", "params", "result", "error");
  static final int LONGEST_ID = 1_024;

  private static final Set<String> OF_PARAMS =
      Set.of(
          "_meta",
          "argument",
          "arguments",
          "capabilities",
          "clientInfo",
          "context",
          "cursor",
          "inputResponses",
          "level",
          "name",
          "notifications",
          "progressToken",
          "protocolVersion",
          "ref",
          "requestId",
          "requestState",
          "task",
          "taskId",
          "uri");
  private static final Map<String, String> FOLDED = folded();

  private Words() {}

  /** Whether no key could be taken for another one, or for another word. */
  static boolean areClear(ObjectNode params) {
    Set<String> seen = new HashSet<>();
    for (Iterator<String> keys = params.fieldNames(); keys.hasNext(); ) {
      String key = keys.next();
      String folded = fold(key);
      if (!seen.add(folded) || !FOLDED.getOrDefault(folded, key).equals(key)) {
        return false;
      }
    }
    return true;
  }

  /** As Unicode folds: a long s is an s, a Kelvin sign is a k. */
  private static String fold(String key) {
    return key.toUpperCase(Locale.ROOT).toLowerCase(Locale.ROOT);
  }

  private static Map<String, String> folded() {
    Map<String, String> folded = new HashMap<>();
    OF_PARAMS.forEach(word -> folded.put(fold(word), word));
    return folded;
  }
}
