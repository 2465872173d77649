package io.exeat.identity;

import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import io.spiffe.spiffeid.SpiffeId;

/**
 * Reads SPIFFE IDs by the letter of the SPIFFE-ID specification, section 2: what it does not allow
 * is refused, never mended. Afterwards IDs are compared as they are, byte by byte.
 */
public final class SpiffeIds {
  private static final String SCHEME = "spiffe://";

  /** Specification, section 2.3: implementations must support 2048 bytes; more is refused. */
  private static final int MAX_BYTES = 2048;

  /** Specification, section 2.3: the host part of RFC 3986. */
  private static final int MAX_TRUST_DOMAIN = 255;

  private SpiffeIds() {}

  /**
   * A trust domain's ID or a workload's.
   *
   * @throws FaultException Malformed for {@code field}
   */
  public static SpiffeId parse(String field, String text) {
    String problem = problem(text);
    if (!problem.isEmpty()) {
      throw new FaultException(new Fault.Malformed(field, problem));
    }
    try {
      return SpiffeId.parse(text);
    } catch (RuntimeException e) {
      throw new FaultException(new Fault.Malformed(field, "no SPIFFE ID"), e);
    }
  }

  /**
   * A workload's ID: one with a path (X509-SVID specification, section 5.2: a leaf has one).
   *
   * @throws FaultException Malformed for {@code field}
   */
  public static SpiffeId parseWorkload(String field, String text) {
    SpiffeId id = parse(field, text);
    if (id.getPath().isEmpty()) {
      throw new FaultException(
          new Fault.Malformed(field, "a trust domain; a workload's SPIFFE ID has a path"));
    }
    return id;
  }

  /** What is wrong with {@code text}, or empty. Never repeats it: it may be long or unprintable. */
  private static String problem(String text) {
    // Longer in characters is longer in bytes; the characters below are one byte each.
    if (text.length() > MAX_BYTES) {
      return "longer than " + MAX_BYTES + " bytes";
    }
    if (!text.startsWith(SCHEME)) {
      return "does not begin with " + SCHEME;
    }
    int slash = text.indexOf('/', SCHEME.length());
    int end = slash < 0 ? text.length() : slash;
    if (end == SCHEME.length()) {
      return "has no trust domain";
    }
    if (end - SCHEME.length() > MAX_TRUST_DOMAIN) {
      return "has a trust domain longer than " + MAX_TRUST_DOMAIN + " bytes";
    }
    for (int i = SCHEME.length(); i < end; i++) {
      if (!inTrustDomain(text.charAt(i))) {
        return "has a trust domain of other characters than [a-z0-9._-]";
      }
    }
    return slash < 0 ? "" : pathProblem(text, slash);
  }

  private static String pathProblem(String text, int slash) {
    int begin = slash + 1;
    for (int i = begin; i <= text.length(); i++) {
      if (i < text.length() && text.charAt(i) != '/') {
        if (!inPath(text.charAt(i))) {
          return "has a path of other characters than [A-Za-z0-9._-]";
        }
        continue;
      }
      String segment = text.substring(begin, i);
      if (segment.isEmpty()) {
        return "has an empty path segment or ends in '/'";
      }
      if (segment.equals(".") || segment.equals("..")) {
        return "has a path segment '.' or '..'";
      }
      begin = i + 1;
    }
    return "";
  }

  private static boolean inTrustDomain(char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
  }

  private static boolean inPath(char c) {
    return inTrustDomain(c) || (c >= 'A' && c <= 'Z');
  }
}
