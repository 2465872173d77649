package io.exeat.app;

import io.exeat.base.FaultException;
import io.exeat.gateway.relay.RelayConfig;
import io.exeat.identity.Svid;
import io.grpc.ManagedChannel;
import io.grpc.StatusRuntimeException;
import io.grpc.health.v1.HealthCheckRequest;
import io.grpc.health.v1.HealthCheckResponse;
import io.grpc.health.v1.HealthGrpc;
import io.spiffe.spiffeid.SpiffeId;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;

/** The doctor's look at who we are: the SPIRE socket, our own SVID, the broker we relay to. */
final class IdentityCheckup {
  private final Findings findings;
  private final Party party;
  private final SpiffeId own;

  IdentityCheckup(Findings findings, Party party, SpiffeId own) {
    this.findings = findings;
    this.party = party;
    this.own = own;
  }

  /** Whether we have an SVID, without which the rest cannot be looked at. */
  boolean look(Path workloadApi) {
    if (connects(findings, "workload-api", workloadApi, "spiffe.workload-api")) {
      return svid();
    }
    findings.unseen("svid", own.toString(), "there is no Workload API", "mend workload-api first");
    return false;
  }

  /** Whether somebody listens at a socket that {@code key} names. */
  static boolean connects(Findings findings, String check, Path socket, String key) {
    try (SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX)) {
      channel.connect(UnixDomainSocketAddress.of(socket));
      findings.ok(check, socket.toString(), "somebody listens");
      return true;
    } catch (IOException | IllegalArgumentException e) {
      findings.wrong(
          check,
          socket.toString(),
          Files.exists(socket)
              ? "uid " + Own.uid() + " cannot connect: " + e.getMessage()
              : "is not there, or uid " + Own.uid() + " may not see it",
          "start the SPIRE agent, let uid " + Own.uid() + " reach its socket, or mend " + key);
      return false;
    }
  }

  private boolean svid() {
    AtomicReference<String> missing = new AtomicReference<>("");
    boolean there =
        Findings.until(() -> {
          try {
            var _ = party.identity().svid();
            return true;
          } catch (FaultException e) {
            missing.set(String.valueOf(e.getMessage()));
            return false;
          }
        });
    if (!there) {
      findings.wrong(
          "svid",
          own.toString(),
          "after " + Findings.PATIENCE.toSeconds() + " s: " + missing.get(),
          party.identity().svids(own, "").isEmpty()
              ? "spire-server entry create -spiffeID "
                  + own
                  + " -parentID <the SPIRE agent's> -selector unix:uid:"
                  + Own.uid()
              : "set spiffe.hint to the hint of this process's entry, or delete the entries that"
                  + " are another's");
      return false;
    }
    Svid svid = party.identity().svid();
    findings.ok("svid", own.toString(), "valid until " + svid.notAfter());
    return true;
  }

  /** Whether the broker that we relay to answers, as itself. */
  void relay(RelayConfig relay, boolean svid) {
    String address = relay.host() + ":" + relay.port();
    if (!svid) {
      findings.unseen("relay", address, "there is no own SVID to ask with", "mend svid first");
      return;
    }
    ManagedChannel channel =
        SocketDoors.to(
            relay.host(), relay.port(), relay.broker(), party.tls(), party.transport().loop());
    try {
      var answer =
          HealthGrpc.newBlockingStub(channel)
              .withDeadlineAfter(Findings.PATIENCE.toMillis(), TimeUnit.MILLISECONDS)
              .check(HealthCheckRequest.getDefaultInstance());
      String seen = relay.broker() + " is " + answer.getStatus();
      if (answer.getStatus() == HealthCheckResponse.ServingStatus.SERVING) {
        findings.ok("relay", address, seen);
      } else {
        findings.wrong("relay", address, seen, "run exeat doctor where that broker runs");
      }
    } catch (StatusRuntimeException e) {
      switch (e.getStatus().getCode()) {
        case UNAVAILABLE, DEADLINE_EXCEEDED ->
            findings.wrong(
                "relay",
                address,
                "no answer of " + relay.broker() + ": " + e.getStatus().getDescription(),
                "start the broker there with listen.address, and compare relay.broker with its"
                    + " spiffe.id");
        default -> findings.ok("relay", address, relay.broker() + " answers");
      }
    } finally {
      var _ = channel.shutdownNow();
    }
  }
}
