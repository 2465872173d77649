package io.exeat.identity.workload;

import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import io.exeat.base.Time;
import io.exeat.identity.JwtRules;
import io.exeat.identity.Link;
import io.exeat.spiffe.workload.JWTSVID;
import io.exeat.spiffe.workload.JWTSVIDRequest;
import io.exeat.spiffe.workload.JWTSVIDResponse;
import io.exeat.spiffe.workload.SpiffeWorkloadAPIGrpc;
import io.grpc.CallOptions;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.ClientCalls;
import io.spiffe.spiffeid.SpiffeId;
import java.text.ParseException;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** Our own JWT-SVIDs by audience, each until half of its life has gone. */
final class JwtCache {
  /** One for Vault and a few more; an audience is configuration, never a caller's word. */
  private static final int MOST = 32;

  private static final Duration RETRY = Duration.ofSeconds(1);

  private final Link link;
  private final SpiffeId id;
  private final Time time;
  private final Map<String, JwtRules.Checked> held = new ConcurrentHashMap<>();

  JwtCache(Link link, SpiffeId id, Time time) {
    this.link = link;
    this.id = id;
    this.time = time;
  }

  String get(String audience, Duration within) {
    JwtRules.Checked have = held.get(audience);
    if (have != null && isYoung(have)) {
      return have.token();
    }
    try {
      JwtRules.Checked fresh = fetch(audience, within);
      if (held.size() >= MOST) {
        held.clear();
      }
      held.put(audience, fresh);
      return fresh.token();
    } catch (StatusRuntimeException e) {
      if (e.getStatus().getCode() == Status.Code.PERMISSION_DENIED) {
        held.remove(audience);
      } else if (have != null && time.now().isBefore(have.expires())) {
        // The agent is away and the old one is good still: a restart of SPIRE stops nobody.
        return have.token();
      }
      throw unavailable("the Workload API gives no JWT-SVID: " + e.getStatus(), e);
    } catch (ParseException e) {
      throw unavailable(String.valueOf(e.getMessage()), e);
    }
  }

  void clear() {
    held.clear();
  }

  private boolean isYoung(JwtRules.Checked jwt) {
    Instant half = jwt.issued().plus(Duration.between(jwt.issued(), jwt.expires()).dividedBy(2));
    return time.now().isBefore(half);
  }

  private JwtRules.Checked fetch(String audience, Duration within) throws ParseException {
    JWTSVIDResponse answer =
        ClientCalls.blockingUnaryCall(
            link.channel(),
            SpiffeWorkloadAPIGrpc.getFetchJWTSVIDMethod(),
            CallOptions.DEFAULT
                .withWaitForReady()
                .withDeadlineAfter(within.toNanos(), TimeUnit.NANOSECONDS),
            JWTSVIDRequest.newBuilder().addAudience(audience).setSpiffeId(id.toString()).build());
    // SPIRE may send those of other IDs too.
    List<JWTSVID> ours =
        answer.getSvidsList().stream()
            .filter(svid -> svid.getSpiffeId().equals(id.toString()))
            .toList();
    if (ours.isEmpty()) {
      throw new ParseException("the Workload API gives no JWT-SVID of " + id, 0);
    }
    return JwtRules.check(ours.getFirst().getSvid(), audience, id, time.now());
  }

  private static FaultException unavailable(String problem, @Nullable Throwable cause) {
    Fault fault = new Fault.Unavailable(Fault.Dependency.IDENTITY, problem, RETRY);
    return cause == null ? new FaultException(fault) : new FaultException(fault, cause);
  }
}
