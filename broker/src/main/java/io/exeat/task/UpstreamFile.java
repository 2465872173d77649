package io.exeat.task;

import io.exeat.config.Section;
import io.exeat.config.Shape;
import java.net.URI;
import java.time.Duration;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * Reads {@code upstreams} of the catalogue. What an upstream maps becomes a tool that policies
 * know, and is allowed to the grant that it names.
 */
final class UpstreamFile {
  private static final Shape<String> ITEM =
      Shape.matching(
          Pattern.compile("[A-Za-z0-9_./-]{1,128}"),
          "a name of 1 to 128 characters of A-Z, a-z, 0-9, _, ., / and -");
  private static final Shape<String> URI_RULE =
      Shape.matching(
          Pattern.compile("[A-Za-z][A-Za-z0-9+.-]{0,31}:[!-)+-~]{0,500}\\*?"),
          "a URI of up to 500 ASCII characters, with * at the end for all that begin so");
  private static final Shape<String> HEADER =
      Shape.matching(Pattern.compile("[A-Za-z0-9-]{1,64}"), "a header's name of A-Z, a-z, 0-9, -");
  private static final Shape<String> VARIABLE =
      Shape.matching(
          Pattern.compile("[A-Za-z_][A-Za-z0-9_]{0,127}"),
          "an environment variable's name of A-Z, a-z, 0-9 and _, not beginning with 0-9");
  private static final Shape<String> USER =
      Shape.matching(
          Pattern.compile("[a-z_][a-z0-9_-]{0,31}"),
          "a user's name of 1 to 32 characters of a-z, 0-9, _ and -");
  private static final Shape<String> SHA256 =
      Shape.matching(Pattern.compile("[0-9a-f]{64}"), "a SHA-256 of 64 characters of 0-9 and a-f");

  /** Set for each request by the gateway itself. */
  private static final Set<String> OWN_HEADERS =
      Set.of(
          "host",
          "content-length",
          "content-type",
          "accept",
          "connection",
          "expect",
          "transfer-encoding",
          "upgrade");

  private final Map<String, Grant> grants;
  private final Map<String, Tool> tools;
  private final Map<String, Set<String>> allowed = new HashMap<>();
  private final Map<String, UpstreamEntry> entries = new LinkedHashMap<>();

  UpstreamFile(Section root, Map<String, Grant> grants, Map<String, Tool> tools) {
    this.grants = grants;
    this.tools = new LinkedHashMap<>(tools);
    root.named("upstreams", Shape.name())
        .forEach((name, section) -> entries.put(name, entry(name, section)));
  }

  Map<String, UpstreamEntry> entries() {
    return entries;
  }

  /** The catalogue's, and those of the upstreams. */
  Map<String, Tool> tools() {
    return tools;
  }

  /** The catalogue's, each with the tools that upstreams do under it. */
  Map<String, Grant> grants() {
    Map<String, Grant> all = new LinkedHashMap<>();
    grants.forEach(
        (name, grant) -> all.put(name, grant.with(allowed.getOrDefault(name, Set.of()))));
    return all;
  }

  private UpstreamEntry entry(String name, Section section) {
    String grant = section.one("grant", Shape.nameOf("grant", grants.keySet())).required();
    String offers = UpstreamEntry.offers(name);
    tools.put(offers, new Tool(offers, Step.PLAN, false, Optional.empty(), 0));
    allow(grant, offers);
    UpstreamEntry.Server server = server(section);
    if (Optional.ofNullable(grants.get(grant)).filter(it -> !it.lends()).isPresent()
        && filled(server).anyMatch(it -> !it.places().isEmpty())) {
      section.problem("grant", "lends nothing, so no {…} can be filled in");
    }
    boolean oneGrant = server instanceof UpstreamEntry.Server.Command;
    boolean pinned =
        section.one("definitions", Shape.oneOf(Definitions.class)).or(Definitions.PINNED)
            == Definitions.PINNED;
    Duration timeout =
        section
            .one("timeout", Shape.duration(Duration.ofSeconds(1), Duration.ofHours(1)))
            .or(Duration.ofMinutes(5));
    Function<String, Function<Section, UpstreamEntry.Item>> item =
        tool -> at -> item(tool, grant, oneGrant, at);
    Map<String, UpstreamEntry.Item> toolItems = new LinkedHashMap<>();
    section
        .named("tools", ITEM)
        .forEach(
            (each, at) -> toolItems.put(each, pinned(at, item.apply(name + "." + each).apply(at))));
    Map<String, UpstreamEntry.Resources> resources = new LinkedHashMap<>();
    section
        .named("resources", Shape.name())
        .forEach((each, at) ->
            resources.put(
                each,
                new UpstreamEntry.Resources(
                    at.one("uri", URI_RULE).required(),
                    item.apply(name + "/resources/" + each).apply(at))));
    Map<String, UpstreamEntry.Item> prompts = new LinkedHashMap<>();
    section
        .named("prompts", ITEM)
        .forEach((each, at) -> prompts.put(each, item.apply(name + "/prompts/" + each).apply(at)));
    return new UpstreamEntry(name, grant, server, pinned, timeout, toolItems, resources, prompts);
  }

  /** Whether what a server says of its tools must be approved. */
  enum Definitions {
    PINNED,
    UNSAFE_ANY
  }

  private static UpstreamEntry.Item pinned(Section at, UpstreamEntry.Item item) {
    return new UpstreamEntry.Item(item.tool(), item.grant(), at.one("pin", SHA256).optional());
  }

  private UpstreamEntry.Item item(String tool, String usual, boolean oneGrant, Section at) {
    String grant = at.one("grant", Shape.nameOf("grant", grants.keySet())).or(usual);
    if (oneGrant && !grant.equals(usual)) {
      at.problem(
          "grant",
          "must be the upstream's: a process has one credential; make another upstream for it");
    }
    if (tools.putIfAbsent(tool, CatalogueFile.tool(tool, at)) != null) {
      at.problem("step", "tool " + tool + " stands under tools already; it is said here alone");
    }
    allow(grant, tool);
    return new UpstreamEntry.Item(tool, grant, Optional.empty());
  }

  private void allow(String grant, String tool) {
    allowed.computeIfAbsent(grant, it -> new HashSet<>()).add(tool);
  }

  private static UpstreamEntry.Server server(Section section) {
    Optional<URI> url = section.one("url", Shape.uri("https", "http")).optional();
    Optional<List<Template>> words = section.all("command", Template.open()).optional();
    if (url.isPresent() == words.isPresent()) {
      section.problem("url", "an upstream says where it is: either url or command with user");
    }
    return words.isPresent() && url.isEmpty() ? command(section, words.get()) : url(section, url);
  }

  private static UpstreamEntry.Server url(Section section, Optional<URI> url) {
    if (url.filter(it -> it.getScheme().equals("http") && !isHere(it)).isPresent()) {
      section.problem("url", "must be https, unless its host is localhost, 127.0.0.1 or [::1]");
    }
    Map<String, Template> headers = templates(section, "headers", HEADER);
    headers
        .keySet()
        .forEach(header -> {
          String lower = header.toLowerCase(Locale.ROOT);
          if (OWN_HEADERS.contains(lower) || lower.startsWith("mcp-")) {
            section.problem("headers", header + " is set by the gateway itself");
          }
        });
    return new UpstreamEntry.Server.Url(
        url.orElse(URI.create("https://stand.in/")),
        section.one("ca", Shape.path()).optional(),
        section.one("spiffe-id", Shape.spiffeId()).optional(),
        headers);
  }

  private static Stream<Template> filled(UpstreamEntry.Server server) {
    return switch (server) {
      case UpstreamEntry.Server.Url url -> url.headers().values().stream();
      case UpstreamEntry.Server.Command command ->
          Stream.of(command.words(), command.environment().values(), command.files().values())
              .flatMap(Collection::stream);
    };
  }

  private static boolean isHere(URI url) {
    return Set.of("localhost", "127.0.0.1", "[::1]").contains(url.getHost());
  }

  private static UpstreamEntry.Server command(Section section, List<Template> words) {
    if (words.isEmpty()) {
      section.problem("command", "must have at least one word: the program");
    }
    return new UpstreamEntry.Server.Command(
        words,
        section.one("user", USER).required(),
        templates(section, "environment", VARIABLE),
        templates(section, "files", VARIABLE),
        section.one("libpq", Shape.flag()).or(false));
  }

  private static Map<String, Template> templates(Section section, String key, Shape<String> names) {
    Map<String, Template> templates = new LinkedHashMap<>();
    for (Section at : section.listed(key)) {
      String name = at.one("name", names).required();
      Template value = at.one("value", Template.shape()).required();
      if (templates.put(name, value) != null) {
        at.problem("name", "stands here twice");
      }
    }
    return templates;
  }
}
