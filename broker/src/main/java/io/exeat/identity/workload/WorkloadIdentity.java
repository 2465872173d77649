package io.exeat.identity.workload;

import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import io.exeat.base.Subscription;
import io.exeat.base.Time;
import io.exeat.identity.IdentityConfig;
import io.exeat.identity.IdentitySource;
import io.exeat.identity.Link;
import io.exeat.identity.SpiffeTransport;
import io.exeat.identity.Svid;
import io.exeat.identity.TrustBundles;
import io.exeat.identity.Watch;
import io.exeat.spiffe.workload.SpiffeWorkloadAPIGrpc;
import io.exeat.spiffe.workload.X509SVIDRequest;
import io.exeat.spiffe.workload.X509SVIDResponse;
import io.grpc.Status;
import io.spiffe.spiffeid.SpiffeId;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** One watched stream of a Workload API; SVIDs and bundles always come from the same answer. */
public final class WorkloadIdentity implements IdentitySource {
  private static final Logger LOG = LoggerFactory.getLogger(WorkloadIdentity.class);
  private static final String HEADER = "workload.spiffe.io";
  private static final Duration RETRY = Duration.ofSeconds(1);

  private final IdentityConfig config;
  private final Time time;
  private final Link link;
  private final JwtCache jwts;
  private final Watch<X509SVIDRequest, X509SVIDResponse> watch;
  private final CountDownLatch first = new CountDownLatch(1);
  private final List<Runnable> listeners = new CopyOnWriteArrayList<>();
  private final TrustBundles trust = domain -> this.now.bundles().getOrDefault(domain, Set.of());
  private volatile Entitlement now = Entitlement.NONE;
  private volatile String missing = "no answer yet";

  /** Starts asking; {@link #await} is the moment when the answer is there. */
  public WorkloadIdentity(IdentityConfig config, SpiffeTransport transport, Time time) {
    this.config = config;
    this.time = time;
    this.link = transport.plain(config.socket(), HEADER);
    this.jwts = new JwtCache(link, config.id(), time);
    this.watch =
        Watch.open(
            link,
            SpiffeWorkloadAPIGrpc.getFetchX509SVIDMethod(),
            X509SVIDRequest.getDefaultInstance(),
            new Answers());
  }

  /**
   * Returns once the own SVID is there.
   *
   * @throws FaultException Unavailable IDENTITY when it is not within {@code firstUpdateWithin}
   */
  public WorkloadIdentity await() {
    try {
      var _ = first.await(config.firstUpdateWithin().toMillis(), TimeUnit.MILLISECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    var _ = svid();
    return this;
  }

  @Override
  public Svid svid() {
    return now.only(config.id(), config.hint())
        .filter(this::isValid)
        .orElseThrow(() ->
            new FaultException(
                new Fault.Unavailable(
                    Fault.Dependency.IDENTITY,
                    "no X.509-SVID of " + config.id() + ": " + missing,
                    RETRY)));
  }

  @Override
  public List<Svid> svids(SpiffeId id, String hint) {
    return now.of(id, hint).stream().filter(this::isValid).toList();
  }

  private boolean isValid(Svid svid) {
    return time.now().isBefore(svid.notAfter());
  }

  @Override
  public String jwt(String audience, Duration within) {
    var _ = svid();
    return jwts.get(audience, within);
  }

  @Override
  public TrustBundles trust() {
    return trust;
  }

  @Override
  public Subscription onChange(Runnable listener) {
    // Wrapped, so that the same listener twice is two.
    Runnable own = () -> listener.run();
    listeners.add(own);
    return () -> listeners.remove(own);
  }

  @Override
  public void close() {
    watch.close();
    link.close();
    listeners.clear();
  }

  private void become(Entitlement next, String whyMissing) {
    Entitlement before = now;
    boolean had = before.only(config.id(), config.hint()).isPresent();
    now = next.keeping(before);
    String whyBefore = had ? "" : missing;
    missing = whyMissing;
    Optional<Svid> own = next.only(config.id(), config.hint());
    own.ifPresentOrElse(
        svid -> LOG.info("Own X.509-SVID: {}", svid),
        () -> {
          if (!whyMissing.equals(whyBefore)) {
            LOG.warn("No X.509-SVID of {}: {}", config.id(), whyMissing);
          }
        });
    if (own.isPresent()) {
      first.countDown();
    } else if (had) {
      jwts.clear();
    }
    for (Runnable listener : listeners) {
      try {
        listener.run();
      } catch (RuntimeException e) {
        LOG.warn("A listener to changes of identity failed", e);
      }
    }
  }

  private final class Answers implements Watch.Receiver<X509SVIDResponse> {
    @Override
    public void answered(X509SVIDResponse answer) {
      Entitlement read = Entitlement.read(answer);
      become(read, "the Workload API gives " + instead(read));
    }

    /** What there is, where the own SVID is not. */
    private String instead(Entitlement read) {
      List<Svid> own = read.of(config.id(), "");
      if (read.svids().isEmpty()) {
        return "none: is there a registration entry?";
      }
      return own.isEmpty()
          ? "only " + read.svids().stream().map(svid -> svid.id().toString()).toList()
          : "%d of %s, with the hints %s: set spiffe.hint to the one of this process"
              .formatted(own.size(), config.id(), own.stream().map(Svid::hint).toList());
    }

    @Override
    public void refused(Status why) {
      become(Entitlement.NONE, "the Workload API refuses: " + why.getDescription());
    }

    @Override
    public void interrupted(Status why) {
      missing = "the Workload API is away at " + link.state();
    }
  }
}
