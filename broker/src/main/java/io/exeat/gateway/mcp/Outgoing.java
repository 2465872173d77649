package io.exeat.gateway.mcp;

import io.exeat.gateway.jsonrpc.Message;
import java.util.Map;
import java.util.Optional;

/** What goes to a tool server, as HTTP has it; other transports take what they need of it. */
public sealed interface Outgoing {
  /** The server's own session, as its answer to {@code initialize} named it. */
  Optional<String> session();

  /**
   * MCP's own headers as the agent sent them, checked against the body: {@code
   * MCP-Protocol-Version}, {@code Mcp-Method}, {@code Mcp-Name}, {@code Mcp-Param-*}, {@code
   * Last-Event-ID}.
   */
  Map<String, String> headers();

  /** One message; {@link Message#bytes} is what is sent. */
  record Post(Optional<String> session, Map<String, String> headers, Message message)
      implements Outgoing {
    public Post {
      headers = Map.copyOf(headers);
    }
  }

  /** Legacy: whatever the server says by itself; {@code Last-Event-ID} to go on behind that. */
  record Listen(Optional<String> session, Map<String, String> headers) implements Outgoing {
    public Listen {
      headers = Map.copyOf(headers);
    }
  }

  /** Legacy: the session is over. */
  record End(Optional<String> session, Map<String, String> headers) implements Outgoing {
    public End {
      headers = Map.copyOf(headers);
    }
  }
}
