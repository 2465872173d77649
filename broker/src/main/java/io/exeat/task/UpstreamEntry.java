package io.exeat.task;

import static java.util.regex.Pattern.CASE_INSENSITIVE;

import io.spiffe.spiffeid.SpiffeId;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * A tool server (MCP) that agents reach through the gateway: a catalogue entry. What it does not
 * map does not exist for them.
 *
 * @param name {@code [a-z0-9-]}, 1 to 63 characters; it stands in the gateway's path
 * @param grant what connecting to it is done under, and everything that names no other
 * @param pinned whether tools are only there as their approved definitions say
 * @param timeout for one call that does not stream
 * @param tools by the server's own names
 * @param resources by names of the catalogue's
 * @param prompts by the server's own names
 */
public record UpstreamEntry(
    String name,
    String grant,
    Server server,
    boolean pinned,
    Duration timeout,
    Map<String, Item> tools,
    Map<String, Resources> resources,
    Map<String, Item> prompts) {
  public UpstreamEntry {
    tools = Map.copyOf(tools);
    resources = Map.copyOf(resources);
    prompts = Map.copyOf(prompts);
  }

  /** What policies call a look at what the server offers, and the handshake. */
  public String offers() {
    return offers(name);
  }

  static String offers(String name) {
    return name + "/offers";
  }

  /** What a URI is read under; the longest rule that fits. */
  public Optional<Item> resource(String uri) {
    return resources.values().stream()
        .filter(each -> each.holds(uri))
        .max((one, other) -> Integer.compare(one.uri().length(), other.uri().length()))
        .map(Resources::item);
  }

  /**
   * Something that the server offers.
   *
   * @param tool what policies call it: {@code <upstream>.<tool>}, {@code <upstream>/resources/…},
   *     {@code <upstream>/prompts/…}
   * @param grant what it is done under
   * @param pin SHA-256, in hex, of the approved definition; empty for none yet
   */
  public record Item(String tool, String grant, Optional<String> pin) {}

  /**
   * Resources of one kind.
   *
   * @param uri a URI, or the beginning of URIs with {@code *} behind it
   */
  public record Resources(String uri, Item item) {
    /** What a server may take for another place than the one that is written. */
    private static final Pattern ELSEWHERE =
        Pattern.compile(
            "(^|[/?#&=;:])\\.{1,2}([/?#&=;:]|$)|\\\\|%(25|2[ef]|5c|0)|\\p{Cc}", CASE_INSENSITIVE);

    boolean holds(String other) {
      return uri.endsWith("*")
          ? other.startsWith(uri.substring(0, uri.length() - 1)) && !ELSEWHERE.matcher(other).find()
          : other.equals(uri);
    }
  }

  /** Where the server is. */
  public sealed interface Server {
    /**
     * Reached by Streamable HTTP.
     *
     * @param url of its MCP endpoint; https, or http on this machine
     * @param ca who vouches for its certificate, in PEM; empty for the system's
     * @param id of a server that is known by its SVID; then we show ours
     * @param headers set on every request, over whatever the agent sent
     */
    record Url(URI url, Optional<Path> ca, Optional<SpiffeId> id, Map<String, Template> headers)
        implements Server {
      public Url {
        headers = new LinkedHashMap<>(headers);
      }
    }

    /**
     * Started by the broker, one process for each task, and spoken to over its standard input and
     * output.
     *
     * @param words the program and its arguments, which everybody on the machine can read
     * @param user whom it runs as, by name
     * @param environment all that it has, beside PATH, HOME and what {@code files} and {@code
     *     libpq} add
     * @param files environment variables that name a file with this content, which only {@code
     *     user} can read
     * @param libpq whether it gets PGHOST, PGPORT, PGDATABASE, PGUSER and PGPASSFILE
     */
    record Command(
        List<Template> words,
        String user,
        Map<String, Template> environment,
        Map<String, Template> files,
        boolean libpq)
        implements Server {
      public Command {
        words = List.copyOf(words);
        environment = new LinkedHashMap<>(environment);
        files = new LinkedHashMap<>(files);
      }
    }
  }
}
