package io.exeat.config;

/** A value as it may stand in a message: quoted, short, printable ASCII alone. */
final class Shown {
  private static final int MOST = 60;

  private Shown() {}

  static String text(String value) {
    StringBuilder shown = new StringBuilder("\"");
    for (int i = 0; i < value.length() && i < MOST; i++) {
      char c = value.charAt(i);
      if (c == '"' || c == '\\') {
        shown.append('\\').append(c);
      } else if (c >= ' ' && c <= '~') {
        shown.append(c);
      } else {
        shown.append(String.format("\\u%04x", (int) c));
      }
    }
    return shown.append(value.length() > MOST ? "\"... (" + value.length() + ")" : "\"").toString();
  }
}
