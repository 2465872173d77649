package io.exeat.gateway.jsonrpc;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Iterator;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/** The protocol's words. Some servers read them without regard to case; then two are one. */
public final class Words {
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
          "io.modelcontextprotocol/clientCapabilities",
          "io.modelcontextprotocol/clientInfo",
          "io.modelcontextprotocol/protocolVersion",
          "progressToken",
          "promptsListChanged",
          "protocolVersion",
          "ref",
          "requestId",
          "requestState",
          "resourceSubscriptions",
          "resourcesListChanged",
          "task",
          "taskId",
          "toolsListChanged",
          "type",
          "uri");

  /** Objects in params whose keys are the protocol's too. */
  private static final Set<String> INNER =
      Set.of("_meta", "argument", "context", "notifications", "ref");

  private static final Map<String, String> FOLDED = folded();

  private Words() {}

  /**
   * Whether no key of {@code params}, or of what the protocol has in it, could be taken for another
   * one, or for another word.
   */
  static boolean areClear(ObjectNode params) {
    return isClear(params)
        && INNER.stream()
            .map(params::path)
            .allMatch(inner -> !(inner instanceof ObjectNode object) || isClear(object));
  }

  /** Whether {@code key} is {@code word} to whoever reads without regard to case, and is not it. */
  public static boolean looksLike(String key, String word) {
    return !key.equals(word) && fold(key).equals(fold(word));
  }

  private static boolean isClear(ObjectNode params) {
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
