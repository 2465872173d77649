package io.exeat.identity.workload;

import com.google.protobuf.ByteString;
import io.exeat.identity.SpiffeIds;
import io.exeat.identity.Svid;
import io.exeat.identity.Svids;
import io.exeat.spiffe.workload.X509SVID;
import io.exeat.spiffe.workload.X509SVIDResponse;
import io.spiffe.spiffeid.SpiffeId;
import io.spiffe.spiffeid.TrustDomain;
import java.security.cert.CertificateException;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** One answer of the Workload API, read: all that this process is entitled to at one time. */
record Entitlement(List<Svid> svids, Map<TrustDomain, Set<X509Certificate>> bundles) {
  static final Entitlement NONE = new Entitlement(List.of(), Map.of());
  private static final Logger LOG = LoggerFactory.getLogger(Entitlement.class);

  Entitlement {
    svids = List.copyOf(svids);
    bundles = Map.copyOf(bundles);
  }

  /**
   * What is malformed is left out, and logged: it names nobody, and what is beside it stays good.
   */
  static Entitlement read(X509SVIDResponse answer) {
    List<Svid> svids = new ArrayList<>();
    Map<TrustDomain, Set<X509Certificate>> bundles = new HashMap<>();
    answer.getFederatedBundlesMap().forEach((domain, der) -> addBundle(bundles, domain, der));
    for (X509SVID sent : answer.getSvidsList()) {
      byte[] key = sent.getX509SvidKey().toByteArray();
      try {
        Svid svid =
            Svids.read(sent.getSpiffeId(), sent.getX509Svid().toByteArray(), key, sent.getHint());
        svids.add(svid);
        addBundle(bundles, svid.id().getTrustDomain().toIdString(), sent.getBundle());
      } catch (CertificateException e) {
        LOG.warn("An X.509-SVID from the Workload API is left out: {}", e.getMessage());
      } finally {
        java.util.Arrays.fill(key, (byte) 0);
      }
    }
    return new Entitlement(svids, bundles);
  }

  private static void addBundle(
      Map<TrustDomain, Set<X509Certificate>> bundles, String domain, ByteString der) {
    try {
      SpiffeId id = SpiffeIds.parse("trust domain", domain);
      if (!id.getPath().isEmpty()) {
        throw new CertificateException("its trust domain has a path");
      }
      bundles.put(id.getTrustDomain(), Set.copyOf(Svids.certificates(der.toByteArray())));
    } catch (CertificateException | RuntimeException e) {
      LOG.warn("A bundle from the Workload API is left out: {}", e.getMessage());
    }
  }

  /**
   * The SVIDs of {@code id}.
   *
   * @param hint theirs; empty for any
   */
  List<Svid> of(SpiffeId id, String hint) {
    return svids.stream()
        .filter(svid -> svid.id().equals(id) && (hint.isEmpty() || svid.hint().equals(hint)))
        .toList();
  }

  /** The SVID of {@code id}; none also when there are two, because either may be the wrong one. */
  Optional<Svid> only(SpiffeId id, String hint) {
    List<Svid> matching = of(id, hint);
    return matching.size() == 1 ? Optional.of(matching.getFirst()) : Optional.empty();
  }

  /** The same entitlement keeps the same sets, so that what was verified by them stays verified. */
  Entitlement keeping(Entitlement before) {
    Map<TrustDomain, Set<X509Certificate>> same = new HashMap<>(bundles);
    same.replaceAll((domain, now) -> {
      Set<X509Certificate> then = before.bundles().getOrDefault(domain, Set.of());
      return now.equals(then) ? then : now;
    });
    return new Entitlement(svids, same);
  }
}
