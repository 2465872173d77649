package io.exeat.it.environment;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Rendered YAML, a document at a time. */
public final class Manifests {
  private static final ObjectMapper JSON = new ObjectMapper();

  private Manifests() {}

  /** Without those of cert-manager and SPIRE, whose kinds a bare API server does not have. */
  public static List<String> documents(String text) {
    return all(text).stream()
        .filter(document -> !document.contains("\napiVersion: cert-manager.io/"))
        .filter(document -> !document.contains("\napiVersion: spire.spiffe.io/"))
        .toList();
  }

  /** All of them. */
  public static List<String> all(String text) {
    return Pattern.compile("^---$", Pattern.MULTILINE)
        .splitAsStream(text)
        .filter(document -> !document.isBlank())
        .toList();
  }

  /** JSON, as SPIRE's entries are. */
  public static JsonNode json(String text) throws IOException {
    return JSON.readTree(text);
  }

  /**
   * Server-side, with every unknown field an error.
   *
   * @param options of the query, such as {@code &dryRun=All}
   */
  public static Kubernetes.Said apply(Kubernetes kubernetes, String document, String options) {
    String kind = field(document, "(?m)^kind: (\\w+)$");
    String name = field(document, "(?ms)^metadata:(?: \\{|.*?^ ) name: ([^\\s,}]+)");
    String group = field(document, "(?m)^apiVersion: (\\S+)$");
    String base = group.contains("/") ? "/apis/" + group : "/api/" + group;
    String plural = kind.toLowerCase(Locale.ROOT).replaceAll("y$", "ie") + "s";
    Matcher in =
        Pattern.compile("(?m)^(?:  |metadata: .*)namespace: ([^\\s,}]+)").matcher(document);
    String namespace = in.find() ? "/namespaces/" + in.group(1) : "";
    return kubernetes.apply(base + namespace + "/" + plural + "/" + name, options, document);
  }

  private static String field(String document, String pattern) {
    Matcher found = Pattern.compile(pattern).matcher(document);
    if (!found.find()) {
      throw new AssertionError(pattern + " is not in " + document);
    }
    return found.group(1);
  }
}
