package io.exeat.gateway.mcp;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.exeat.flow.Issued;
import java.io.IOException;
import java.net.URLEncoder;
import java.util.Base64;
import java.util.HexFormat;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * Takes what was lent out of what goes to the agent, by exact match: as it is, in base64 (also
 * inside something longer), in hex and URL-encoded, however JSON writes it, also as JSON inside a
 * text, and also in {@link Pieces}. What is put in another form it does not know. For one answer,
 * by one thread.
 */
final class Scrubber {
  static final Scrubber NONE = new Scrubber(Set.of());
  private static final String GONE = "[removed by exeat]";

  /** Anything shorter would be found where it is not. */
  private static final int LEAST = 8;

  private static final long LINES = -1;
  private static final long TEXT = -2;
  private static final long KEYS = 1L << 62;
  private static final Pattern ESCAPE =
      Pattern.compile("\\\\(?:u([0-9a-fA-F]{4})|([^u]))", Pattern.DOTALL);

  private final List<String> forms;

  /** One of these is in every JSON text that a form, or a beginning of one, is in. */
  private final Set<String> beginnings = new LinkedHashSet<>();

  private final Pieces pieces;

  private Scrubber(Set<String> forms) {
    this.forms = List.copyOf(forms);
    this.pieces = new Pieces(this.forms);
    for (String form : forms) {
      beginnings.add(form.substring(0, 3));
      beginnings.add(form.substring(0, 2) + '"');
      beginnings.add(form.charAt(0) + "\"");
    }
  }

  static Scrubber of(Optional<Issued> credential) {
    return credential
        .map(it -> it.secret().read(bytes -> new Scrubber(forms(new String(bytes, UTF_8)))))
        .orElse(NONE);
  }

  private static Set<String> forms(String secret) {
    Set<String> forms = new LinkedHashSet<>();
    forms.add(secret);
    String quoted = new String(Replies.bytes(JsonNodeFactory.instance.textNode(secret)), UTF_8);
    forms.add(quoted.substring(1, quoted.length() - 1));
    if (secret.startsWith(
        "eyJ")) { // a JWT's header is no secret (RFC 7519): anybody can put it back
      forms.add(secret.substring(secret.indexOf('.') + 1));
    }
    byte[] bytes = secret.getBytes(UTF_8);
    forms.add(HexFormat.of().formatHex(bytes));
    forms.add(HexFormat.of().withUpperCase().formatHex(bytes));
    String encoded = URLEncoder.encode(secret, UTF_8);
    forms.add(encoded);
    forms.add(encoded.replace("+", "%20"));
    forms.add(encoded.toLowerCase(Locale.ROOT).equals(encoded) ? encoded : lowerEscapes(encoded));
    for (int before = 0; before < 3; before++) {
      forms.add(inBase64(secret, before, Base64.getEncoder()));
      forms.add(inBase64(secret, before, Base64.getUrlEncoder()));
    }
    forms.removeIf(form -> form.length() < LEAST);
    return forms;
  }

  private static String lowerEscapes(String encoded) {
    StringBuilder lower = new StringBuilder(encoded);
    for (int i = 0; i + 2 < lower.length(); i++) {
      if (lower.charAt(i) == '%') {
        lower.replace(i, i + 3, lower.substring(i, i + 3).toLowerCase(Locale.ROOT));
      }
    }
    return lower.toString();
  }

  /** The part that is the same whatever stands before and behind. */
  private static String inBase64(String secret, int before, Base64.Encoder encoder) {
    byte[] bytes = secret.getBytes(UTF_8);
    byte[] padded = new byte[before + bytes.length];
    System.arraycopy(bytes, 0, padded, before, bytes.length);
    String text = encoder.withoutPadding().encodeToString(padded);
    int from = before == 0 ? 0 : before + 1;
    int to = padded.length % 3 == 0 ? text.length() : text.length() - 1;
    return text.substring(Math.min(from, to), to);
  }

  /** A line that is no message, without what was lent. */
  String line(String line) {
    if (forms.isEmpty()) {
      return line;
    }
    int colon = line.indexOf(':') + 1;
    int value = line.startsWith(" ", colon) ? colon + 1 : colon;
    return whole(line.substring(0, value) + pieces.clean(LINES, line.substring(value), GONE));
  }

  /** Without what is in it as a whole. */
  private String whole(String text) {
    String clean = text;
    for (String form : forms) {
      clean = clean.replace(form, GONE);
    }
    return clean;
  }

  /** Whether there may be something in it; never wrong when it says no. */
  private boolean suspects(String json) {
    return !forms.isEmpty()
        && (json.indexOf('\\') >= 0
            || pieces.isOpen()
            || beginnings.stream().anyMatch(json::contains));
  }

  /**
   * A JSON text without what was lent; any other text, too.
   *
   * @throws IOException when it is no JSON, and something was lent that a lenient reader may find
   */
  String json(String json) throws IOException {
    if (!suspects(json)) {
      return json;
    }
    try {
      JsonNode tree = Trees.read(json);
      JsonNode clean = clean(tree, 0);
      return clean.equals(tree) ? json : new String(Replies.bytes(clean), UTF_8);
    } catch (JsonProcessingException e) {
      return text(json);
    }
  }

  private String text(String text) throws IOException {
    String clean =
        text.lines()
            .map(line -> pieces.clean(TEXT, line, GONE))
            .collect(Collectors.joining("\n", "", text.endsWith("\n") ? "\n" : ""));
    String read = unescaped(clean);
    if (forms.stream().anyMatch(read::contains)) {
      throw new IOException("the tool server sent what it was lent, and no JSON");
    }
    return clean;
  }

  /** As somebody may read it who takes what is no JSON. */
  private static String unescaped(String text) {
    return ESCAPE
        .matcher(text)
        .replaceAll(it -> {
          String hex = it.group(1);
          String c = hex == null ? it.group(2) : Character.toString(Integer.parseInt(hex, 16));
          return Matcher.quoteReplacement(c);
        });
  }

  /**
   * @param place the same for texts that may go on with one another
   */
  private JsonNode clean(JsonNode node, long place) {
    if (node.isTextual()) {
      return JsonNodeFactory.instance.textNode(pieces.clean(place, node.textValue(), GONE));
    }
    if (node.isNumber()) {
      String number = node.asText();
      return whole(number).equals(number) ? node : JsonNodeFactory.instance.textNode(GONE);
    }
    if (node instanceof ArrayNode array) {
      ArrayNode clean = JsonNodeFactory.instance.arrayNode();
      array.forEach(each -> clean.add(clean(each, place)));
      return clean;
    }
    if (node instanceof ObjectNode object) {
      ObjectNode clean = JsonNodeFactory.instance.objectNode();
      for (Map.Entry<String, JsonNode> each : object.properties()) {
        String key = pieces.clean(place + KEYS, each.getKey(), GONE);
        clean.set(key, clean(each.getValue(), 31 * place + each.getKey().hashCode() + 1));
      }
      return clean;
    }
    return node;
  }
}
