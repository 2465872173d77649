package io.exeat.gateway.mcp;

import java.util.Locale;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * Against web pages that reach for a server on this machine (DNS rebinding): a host that is not
 * ours, or an origin that is not, is refused.
 */
final class Hosts {
  private static final Pattern OURS =
      Pattern.compile("(localhost|127\\.0\\.0\\.1|\\[::1]|exeat\\.local)(:[0-9]{1,5})?");

  private Hosts() {}

  static void check(Headers headers) {
    Optional<String> host = headers.one("host");
    Optional<String> origin = headers.one("origin");
    boolean ours =
        host.filter(Hosts::isOurs).isPresent()
            && origin.map(it -> isOurs(it.replaceFirst("^https?://", ""))).orElse(true);
    if (!ours) {
      throw new Refusal(403);
    }
  }

  private static boolean isOurs(String host) {
    return OURS.matcher(host.toLowerCase(Locale.ROOT)).matches();
  }
}
