package io.exeat.flow;

import io.exeat.base.Fault;
import io.exeat.base.Spread;
import io.exeat.revoke.Unproven;
import java.util.List;
import java.util.Map;

/**
 * What there is to measure at one moment; no names of tasks, agents or credentials.
 *
 * @param revoking what is not proven dead yet
 * @param calls how long answered calls took, by method
 * @param refused how often calls were refused, by one fault of the kind
 * @param deaths how long it took from the asking until the proof
 * @param receiptsWaiting for an SVID, or for the audit
 */
public record Readings(
    Status.Counts counts,
    List<Unproven> revoking,
    Map<String, Spread.Seen> calls,
    Map<Fault, Long> refused,
    Spread.Seen deaths,
    int receiptsWaiting) {
  public Readings {
    revoking = List.copyOf(revoking);
    calls = Map.copyOf(calls);
    refused = Map.copyOf(refused);
  }
}
