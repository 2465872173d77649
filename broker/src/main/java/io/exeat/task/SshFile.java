package io.exeat.task;

import io.exeat.config.Section;
import io.exeat.config.Shape;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;

/** Reads what the catalogue says of SSH: the target's {@code ssh}, and the grant's. */
final class SshFile {
  private static final Duration SHORTEST = Duration.ofSeconds(10);

  /** What nobody can take back must not last. */
  private static final Duration LONGEST = Duration.ofMinutes(10);

  private static final Shape<String> USER =
      Shape.matching(
          Pattern.compile("[a-z_][a-z0-9_-]{0,31}"),
          "an account of 1 to 32 characters of a-z, 0-9, _ and -, not beginning with 0-9 or -");

  private static final Shape<String> EXTENSION =
      Shape.nameOf(
          "extension",
          Set.of(
              "permit-pty",
              "permit-user-rc",
              "permit-port-forwarding",
              "permit-agent-forwarding",
              "permit-X11-forwarding"));

  private static final Shape<String> COMMAND =
      Shape.matching(
          Pattern.compile("[\\x20-\\x7e]{1,500}"), "1 to 500 printable characters of ASCII");

  private SshFile() {}

  static Target.Ssh target(String name, String environment, Section at, Shape<String> host) {
    return new Target.Ssh(
        name,
        environment,
        at.one("host", host).required(),
        at.one("port", Shape.number(1, 65_535)).or(22),
        at.one("mount", Shape.name()).or("ssh"));
  }

  static Grant.Kind grant(Section grant, Target.Ssh target) {
    Section at = grant.section("ssh");
    return new Grant.Kind.SshCertificate(
        target,
        CatalogueFile.atLeastOne(at, "users", USER),
        Set.copyOf(at.all("extensions", EXTENSION).or(List.of())),
        at.one("command", COMMAND).optional());
  }

  /** Nobody can take it back: its own end is the only one. */
  static Duration lease(Section grant) {
    return grant.one("lease", Shape.duration(SHORTEST, LONGEST)).required();
  }
}
