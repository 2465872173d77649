package io.exeat.task;

import io.exeat.config.Section;
import io.exeat.config.Shape;
import java.net.URI;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;

/** Reads what the catalogue says of certificates: {@code pki} and {@code certificate}. */
final class CertificateFile {
  private static final Duration SHORTEST = Duration.ofMinutes(1);
  private static final Duration LONGEST = Duration.ofDays(1);

  /** Exact, so that Vault's patterns have nothing to match. */
  private static final Shape<String> DNS =
      Shape.matching(
          Pattern.compile(
              "(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)+"),
          "a DNS name in lower case with a dot in it, without *");

  private static final Shape<String> NAME_URI =
      Shape.matching(
          Pattern.compile(
              "[a-z][a-z0-9+.-]{0,20}://[A-Za-z0-9._-]{1,253}(/[A-Za-z0-9._-]{1,200}){0,16}"),
          "a URI such as spiffe://example.org/agent/orders, without *, query or fragment");

  private CertificateFile() {}

  static Target.Pki target(String name, String environment, Section at, Shape<String> host) {
    return new Target.Pki(
        name,
        environment,
        at.one("host", host).required(),
        at.one("mount", Shape.name()).or("pki"),
        at.one("issuer", Shape.name()).or("default"),
        List.copyOf(at.all("lists", Shape.uri("http", "https")).or(List.<URI>of())));
  }

  static Grant.Kind grant(Section grant, Target.Pki target) {
    Section at = grant.section("certificate");
    Set<String> names = Set.copyOf(at.all("names", DNS).or(List.of()));
    Set<String> uris = Set.copyOf(at.all("uris", NAME_URI).or(List.of()));
    if (names.isEmpty() && uris.isEmpty()) {
      grant.problem("certificate", "must have names or uris: what it is to be good for");
    }
    return new Grant.Kind.Certificate(
        target, names, uris, at.one("key", Shape.oneOf(Grant.Key.class)).or(Grant.Key.EC_P256));
  }

  /** A certificate is not renewed: it lives for as long as it says at first. */
  static Duration lease(Section grant) {
    return grant.one("lease", Shape.duration(SHORTEST, LONGEST)).required();
  }
}
