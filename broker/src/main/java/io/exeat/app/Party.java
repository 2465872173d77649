package io.exeat.app;

import io.exeat.attest.AttestConfig;
import io.exeat.attest.Attestor;
import io.exeat.attest.Attestors;
import io.exeat.attest.Connections;
import io.exeat.attest.Issuer;
import io.exeat.attest.LocalAttestor;
import io.exeat.attest.OtherUsers;
import io.exeat.attest.brokerapi.BrokerApi;
import io.exeat.attest.delegated.DelegatedIdentity;
import io.exeat.attest.mtls.MtlsAttestor;
import io.exeat.attest.workloadapi.PodAgent;
import io.exeat.base.CannotStart;
import io.exeat.base.Time;
import io.exeat.identity.IdentityConfig;
import io.exeat.identity.IdentitySource;
import io.exeat.identity.SpiffeTls;
import io.exeat.identity.SpiffeTransport;
import io.exeat.identity.workload.WorkloadIdentity;
import io.spiffe.spiffeid.SpiffeId;
import java.nio.file.Path;
import java.util.Optional;
import java.util.function.Predicate;

/**
 * Who we are and how callers are attested.
 *
 * @param issuers who can be asked about processes
 * @param mode the mode for Unix sockets, which may come later than the rest; empty when there is
 *     none
 */
record Party(
    SpiffeTransport transport,
    IdentitySource identity,
    SpiffeTls tls,
    Connections connections,
    Issuers issuers,
    Optional<LateAttestor> mode,
    Attestor attestor) {

  static Party make(BrokerConfig config, Time time, Closing closing) {
    SpiffeTransport transport = closing.later(new SpiffeTransport());
    IdentitySource identity =
        closing.later(new WorkloadIdentity(config.identity(), transport, time));
    SpiffeTls tls = new SpiffeTls(identity, time);
    Connections connections = new Connections();
    Issuers issuers = new Issuers(config.identity(), transport, identity, tls);
    Maker maker = new Maker(issuers, transport, time);
    Optional<LateAttestor> mode =
        config.attestation().local().map(local -> new LateAttestor(() -> maker.make(local)));
    Optional<Attestor> mtls =
        config
            .attestation()
            .mtls()
            .map(it -> new MtlsAttestor(it, tls, identity, connections, transport, time));
    Attestor attestor = closing.later(new Attestors(mode.map(Attestor.class::cast), mtls));
    return new Party(transport, identity, tls, connections, issuers, mode, attestor);
  }

  /**
   * Looks whether whoever answers for processes can ever be made.
   *
   * @throws CannotStart when not, as soon as that is known
   */
  void check() {
    mode.ifPresent(LateAttestor::check);
  }

  /**
   * Whoever answers for processes in this mode; the caller's to close.
   *
   * @throws IllegalStateException when the mode cannot work here, saying what to do
   * @throws CannotStart when that is so whatever else comes
   * @throws io.exeat.base.FaultException Unavailable IDENTITY when nobody listens at its socket
   */
  Issuer issuer(AttestConfig.Local mode) {
    return issuers.of(mode);
  }

  /** The switch over the modes. */
  record Issuers(
      IdentityConfig own, SpiffeTransport transport, IdentitySource identity, SpiffeTls tls) {
    Issuer of(AttestConfig.Local mode) {
      return switch (mode) {
        case AttestConfig.WorkloadApi it -> new PodAgent(it, own, identity);
        case AttestConfig.BrokerApi it -> brokerApi(it.socket(), it.timing());
        case AttestConfig.Development it -> brokerApi(it.socket(), it.timing());
        case AttestConfig.Delegated it ->
            new DelegatedIdentity(it.socket(), transport, it.timing().within());
      };
    }

    private Issuer brokerApi(Path socket, AttestConfig.Timing timing) {
      return new BrokerApi(socket, own.id().getTrustDomain(), tls, transport, timing.within());
    }
  }

  /** Whom a mode may name, and how long it may take. */
  private record Maker(Issuers issuers, SpiffeTransport transport, Time time) {
    Attestor make(AttestConfig.Local mode) {
      return switch (mode) {
        case AttestConfig.WorkloadApi it ->
            local(issuers.of(mode), it.agent()::equals, AttestConfig.Timing.USUAL);
        case AttestConfig.BrokerApi it ->
            local(users(mode, it.unsafeSameUser()), it.agents(), it.timing());
        case AttestConfig.Development it -> local(issuers.of(mode), it.agents(), it.timing());
        case AttestConfig.Delegated it ->
            local(users(mode, it.unsafeSameUser()), it.agents(), it.timing());
      };
    }

    private Issuer users(AttestConfig.Local mode, boolean ownToo) {
      Issuer issuer = issuers.of(mode);
      return ownToo ? issuer : new OtherUsers(issuer, Own.uid());
    }

    private Attestor local(Issuer issuer, Predicate<SpiffeId> agents, AttestConfig.Timing timing) {
      return new LocalAttestor(issuer, agents, timing, transport, time);
    }
  }
}
