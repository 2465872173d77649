package io.exeat.app;

import static io.exeat.config.Shape.flag;
import static io.exeat.config.Shape.number;
import static io.exeat.config.Shape.path;
import static io.exeat.config.Shape.spiffeId;
import static io.exeat.config.Shape.text;

import io.exeat.attest.AttestConfig;
import io.exeat.config.Section;
import io.exeat.identity.IdPattern;
import io.spiffe.spiffeid.SpiffeId;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;

/** Reads {@code attestation} of {@code exeat.yaml}: how callers are known. */
final class AttestationFile {
  private AttestationFile() {}

  static AttestConfig read(Section section, SpiffeId own) {
    Optional<AttestConfig.Local> local =
        section.mode(
            "mode",
            "none",
            Map.of(
                "none", s -> Optional.empty(),
                "workload-api", s -> Optional.of(workloadApi(s, own)),
                "broker-api",
                    s ->
                        Optional.of(
                            new AttestConfig.BrokerApi(
                                issuer(s), agents(s), timing(s), sameUser(s))),
                "delegated",
                    s ->
                        Optional.of(
                            new AttestConfig.Delegated(
                                issuer(s), agents(s), timing(s), sameUser(s))),
                "development",
                    s ->
                        Optional.of(
                            new AttestConfig.Development(issuer(s), agents(s), timing(s)))));
    Optional<AttestConfig.Mtls> mtls =
        section
            .optionalSection("mtls")
            .map(s ->
                new AttestConfig.Mtls(
                    agents(s),
                    s.one("grace", ConfigFile.seconds(1, 300)).or(Duration.ofSeconds(5))));
    if (local.isEmpty() && mtls.isEmpty()) {
      section.problem(
          "mode",
          "is missing and so is attestation.mtls: nobody could be attested; it must be"
              + " workload-api, broker-api, delegated or development");
    }
    return new AttestConfig(local, mtls);
  }

  private static AttestConfig.WorkloadApi workloadApi(Section section, SpiffeId own) {
    SpiffeId agent = section.one("agent", spiffeId()).required();
    if (agent.equals(own)) {
      section.problem("agent", "is the broker's own SPIFFE ID, spiffe.id: give each an entry");
    }
    return new AttestConfig.WorkloadApi(
        agent,
        section.one("hint", text(64)).or(""),
        section.one("uid", number(0, Integer.MAX_VALUE)).required());
  }

  private static Path issuer(Section section) {
    return section.one("socket", path()).required();
  }

  private static IdPattern agents(Section section) {
    return section.one("agents", ConfigFile.PATTERN).required();
  }

  private static AttestConfig.Timing timing(Section section) {
    return new AttestConfig.Timing(
        section.one("within", ConfigFile.seconds(1, 60)).or(AttestConfig.Timing.USUAL.within()),
        section
            .one("recheck", ConfigFile.seconds(1, 3600))
            .or(AttestConfig.Timing.USUAL.recheck()));
  }

  private static boolean sameUser(Section section) {
    return section.one("unsafe-same-user", flag()).or(false);
  }
}
