package io.exeat.gateway.jsonrpc;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.NullNode;

/** A message that is refused before anything is decided about it; its words are for the sender. */
public final class BadMessage extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final int code;
  private final transient JsonNode id;

  /**
   * @param code of JSON-RPC or MCP
   * @param id of the request, as far as it could be read
   */
  public BadMessage(int code, JsonNode id, String message) {
    super(message, null, false, false);
    this.code = code;
    this.id = id;
  }

  /** Without an id that could be read. */
  public BadMessage(int code, String message) {
    this(code, NullNode.getInstance(), message);
  }

  public int code() {
    return code;
  }

  public JsonNode id() {
    return id == null ? NullNode.getInstance() : id;
  }

  /** The message, never null. */
  public String words() {
    return String.valueOf(getMessage());
  }
}
