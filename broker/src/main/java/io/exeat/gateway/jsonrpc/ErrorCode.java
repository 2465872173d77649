package io.exeat.gateway.jsonrpc;

/** The codes of JSON-RPC 2.0, and those of MCP 2026-07-28; there are no others of ours. */
public final class ErrorCode {
  public static final int PARSE_ERROR = -32700;
  public static final int INVALID_REQUEST = -32600;
  public static final int METHOD_NOT_FOUND = -32601;
  public static final int INVALID_PARAMS = -32602;
  public static final int INTERNAL_ERROR = -32603;

  /** A header is missing, or says something else than the body. */
  public static final int HEADER_MISMATCH = -32020;

  public static final int UNSUPPORTED_VERSION = -32022;

  private ErrorCode() {}
}
