package io.exeat.gateway.extauthz;

import io.exeat.attest.Peer;
import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import io.exeat.identity.IdPattern;
import io.exeat.identity.SpiffeIds;
import io.spiffe.spiffeid.SpiffeId;
import java.util.Optional;
import java.util.function.Function;

/** On whose behalf an Envoy asks: whom it has verified, or whom a JWT-SVID names. */
final class Callers {
  private static final String BEARER = "Bearer ";

  private final IdPattern agents;
  private final Optional<Function<String, SpiffeId>> tokens;

  /**
   * @param tokens whom a JWT-SVID for our audience names; throws FaultException Unattested
   */
  Callers(IdPattern agents, Optional<Function<String, SpiffeId>> tokens) {
    this.agents = agents;
    this.tokens = tokens;
  }

  /**
   * @throws FaultException Unattested when it is nobody whom an Envoy may speak for
   */
  Peer of(HttpAsk asked) {
    if (!asked.principal().isEmpty()) {
      return new Peer.Vouched(agent(principal(asked.principal())), "envoy");
    }
    String token =
        asked
            .header("authorization")
            .filter(value -> value.regionMatches(true, 0, BEARER, 0, BEARER.length()))
            .map(value -> value.substring(BEARER.length()))
            .orElseThrow(() -> unattested("no client certificate, and no JWT-SVID"));
    Function<String, SpiffeId> verifier =
        tokens.orElseThrow(() -> unattested("no client certificate"));
    return new Peer.Vouched(agent(verifier.apply(token)), "jwt");
  }

  private static SpiffeId principal(String text) {
    try {
      return SpiffeIds.parseWorkload("principal", text);
    } catch (FaultException e) {
      throw unattested("the client certificate names no SPIFFE ID of a workload");
    }
  }

  private SpiffeId agent(SpiffeId id) {
    if (!agents.test(id)) {
      throw unattested(id + " is not an agent that may come here");
    }
    return id;
  }

  private static FaultException unattested(String evidence) {
    return new FaultException(new Fault.Unattested(evidence));
  }
}
