package io.exeat.gateway.extauthz;

import io.exeat.task.Template;
import io.exeat.task.UpstreamEntry;
import io.exeat.task.UpstreamEntry.Item;
import io.exeat.task.UpstreamEntry.Resources;
import java.net.URI;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** What tests have in their catalogue. */
public final class Upstreams {
  private Upstreams() {}

  /** {@code tracker}, for MCP and for plain HTTP; {@code pinned}, and {@code local}, a process. */
  public static Optional<UpstreamEntry> find(String name) {
    return switch (name) {
      case "tracker" -> Optional.of(upstream(name, url(), false));
      case "pinned" -> Optional.of(upstream(name, url(), true));
      case "local" ->
          Optional.of(
              upstream(
                  name,
                  new UpstreamEntry.Server.Command(List.of(), "nobody", Map.of(), Map.of(), false),
                  false));
      default -> Optional.empty();
    };
  }

  private static UpstreamEntry.Server url() {
    return new UpstreamEntry.Server.Url(
        URI.create("http://127.0.0.1/mcp"),
        Optional.empty(),
        Optional.empty(),
        Map.of("Authorization", new Template("Basic {basic}")));
  }

  private static UpstreamEntry upstream(String name, UpstreamEntry.Server server, boolean pinned) {
    Map<String, Item> tools = new HashMap<>();
    for (String tool : List.of("find", "forbidden", "risky", "undecided")) {
      tools.put(tool, item(name + "." + tool));
    }
    return new UpstreamEntry(
        name,
        "g",
        server,
        pinned,
        Duration.ofSeconds(5),
        tools,
        Map.of(
            "docs", new Resources("docs://*", item(name + "/resources/docs")),
            "orders", new Resources("GET:/api/orders/*", item(name + "/resources/orders")),
            "secret", new Resources("secret://*", item(name + "/resources.forbidden")),
            "forbid", new Resources("DELETE:/api/*", item(name + "/resources.forbidden")),
            "ask", new Resources("PATCH:/api/*", item(name + "/resources.risky")),
            "fail", new Resources("PUT:/api/*", item(name + "/resources.undecided"))),
        Map.of("greet", item(name + "/prompts/greet")));
  }

  private static Item item(String tool) {
    return new Item(tool, "g", Optional.empty());
  }
}
