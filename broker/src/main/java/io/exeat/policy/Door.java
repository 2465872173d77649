package io.exeat.policy;

import java.util.Locale;

/** By which door an act came: its source. */
public enum Door {
  /** The agent itself, by gRPC over the Unix socket or mTLS. */
  API,
  MCP,
  EXTAUTHZ,
  POSTGRES,
  HTTP,
  /** A standard credential endpoint. */
  ENDPOINT;

  /** The name in policies, in the question and in the audit. */
  public String word() {
    return name().toLowerCase(Locale.ROOT);
  }
}
