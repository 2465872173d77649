package io.exeat.attest.workloadapi;

import io.exeat.attest.AttestConfig;
import io.exeat.identity.IdentityConfig;
import io.exeat.identity.IdentitySource;
import io.exeat.identity.Svid;
import io.spiffe.spiffeid.SpiffeId;
import java.util.List;
import java.util.stream.Collectors;

/** Which of the SVIDs that the Workload API gives is meant: by exact ID and hint, or not at all. */
public sealed interface Choice {
  /** It is this one. */
  record One(Svid svid) implements Choice {}

  /** There is none, now. */
  record None(String why) implements Choice {}

  /** Each may be the wrong one, so none is taken. */
  record Several(String what, String remedy) implements Choice {}

  /** The agent's, as things are now. */
  static Choice ofAgent(AttestConfig.WorkloadApi config, IdentitySource source) {
    return of(source, config.agent(), config.hint(), "attestation.hint");
  }

  /** The broker's own, as things are now. */
  static Choice ofBroker(IdentityConfig config, IdentitySource source) {
    return of(source, config.id(), config.hint(), "spiffe.hint");
  }

  private static Choice of(IdentitySource source, SpiffeId id, String hint, String key) {
    List<Svid> matching = source.svids(id, hint);
    if (matching.size() == 1) {
      return new One(matching.getFirst());
    }
    if (matching.isEmpty()) {
      List<Svid> others = source.svids(id, "");
      return new None(
          others.isEmpty()
              ? "the Workload API gives no X.509-SVID of " + id
              : "the Workload API gives no X.509-SVID of %s with the hint '%s' of %s, only with %s"
                  .formatted(id, hint, key, hints(others)));
    }
    String what =
        "the Workload API gives %d X.509-SVIDs of %s, with the hints %s"
            .formatted(matching.size(), id, hints(matching));
    return new Several(
        what,
        hint.isEmpty()
            ? "Set "
                + key
                + " to the hint of the right one, or delete the other registration entry."
            : "Give their registration entries different hints, or delete all but one of them.");
  }

  private static String hints(List<Svid> svids) {
    return svids.stream()
        .map(svid -> svid.hint().isEmpty() ? "(none)" : "'" + svid.hint() + "'")
        .sorted()
        .collect(Collectors.joining(" and "));
  }
}
