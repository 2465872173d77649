package io.exeat.kube;

import java.util.regex.Pattern;

/**
 * Names as Kubernetes allows them. They are looked at here because admission comes before the API
 * server's own validation.
 */
final class Shapes {
  /** RFC 1123 label: containers, namespaces, agents. */
  static final String LABEL = "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?";

  /** RFC 1123 subdomain: service accounts, ConfigMaps. */
  static final String SUBDOMAIN = "[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?";

  /** More than the longest right value of any annotation. */
  static final int MOST = 1024;

  private static final Pattern LABELS = Pattern.compile(LABEL);
  private static final Pattern SUBDOMAINS = Pattern.compile(SUBDOMAIN);

  private Shapes() {}

  static boolean isLabel(String text) {
    return text.length() <= 63 && LABELS.matcher(text).matches();
  }

  static boolean isSubdomain(String text) {
    return text.length() <= 253 && SUBDOMAINS.matcher(text).matches();
  }

  /** For a message: at most 40 characters, none that could break a line or a terminal. */
  static String shown(String text) {
    StringBuilder shown = new StringBuilder("'");
    text.codePoints()
        .limit(40)
        .forEach(c -> shown.appendCodePoint(c >= ' ' && c < 0x7f && c != '\'' ? c : '?'));
    return shown.append(text.codePointCount(0, text.length()) > 40 ? "...'" : "'").toString();
  }
}
