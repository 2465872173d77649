package io.exeat.gateway.mcp;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.exeat.flow.Issued;
import java.net.URLEncoder;
import java.util.Base64;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Takes what was lent out of what goes to the agent, by exact match: as it is, in base64 (also
 * inside something longer) and URL-encoded, however JSON writes it. What is spread over several
 * messages, or put in another form, it does not know.
 */
final class Scrubber {
  static final Scrubber NONE = new Scrubber(Set.of());
  private static final String GONE = "[removed by exeat]";

  /** Anything shorter would be found where it is not. */
  private static final int LEAST = 8;

  private final List<String> forms;

  private Scrubber(Set<String> forms) {
    this.forms = List.copyOf(forms);
  }

  static Scrubber of(Optional<Issued> credential) {
    return credential
        .map(it -> it.secret().read(bytes -> new Scrubber(forms(new String(bytes, UTF_8)))))
        .orElse(NONE);
  }

  private static Set<String> forms(String secret) {
    Set<String> forms = new LinkedHashSet<>();
    forms.add(secret);
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

  /** The text without what was lent. */
  String text(String text) {
    String clean = text;
    for (String form : forms) {
      clean = clean.replace(form, GONE);
    }
    return clean;
  }

  /** Whether there may be something in it; never wrong when it says no. */
  boolean suspects(String json) {
    return !forms.isEmpty() && (json.indexOf('\\') >= 0 || forms.stream().anyMatch(json::contains));
  }

  /** A JSON text without what was lent; any other text, too. */
  String json(String json) {
    if (!suspects(json)) {
      return json;
    }
    try {
      JsonNode tree = Trees.read(json);
      JsonNode clean = clean(tree);
      return clean.equals(tree) ? text(json) : text(new String(Replies.bytes(clean), UTF_8));
    } catch (JsonProcessingException e) {
      return text(json);
    }
  }

  private JsonNode clean(JsonNode node) {
    if (node.isTextual()) {
      return JsonNodeFactory.instance.textNode(text(node.textValue()));
    }
    if (node instanceof ArrayNode array) {
      ArrayNode clean = JsonNodeFactory.instance.arrayNode();
      array.forEach(each -> clean.add(clean(each)));
      return clean;
    }
    if (node instanceof ObjectNode object) {
      ObjectNode clean = JsonNodeFactory.instance.objectNode();
      for (Map.Entry<String, JsonNode> each : object.properties()) {
        clean.set(text(each.getKey()), clean(each.getValue()));
      }
      return clean;
    }
    return node;
  }
}
