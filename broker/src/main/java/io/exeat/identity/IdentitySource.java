package io.exeat.identity;

import io.exeat.base.Subscription;
import io.spiffe.spiffeid.SpiffeId;
import java.time.Duration;

/**
 * The broker's own identity and the trust bundles, as they are now.
 *
 * <p>It never serves an expired or withdrawn SVID: an empty list or a PermissionDenied from the
 * Workload API drops the identity at once, while a broken connection leaves the last one in place
 * until it expires. It reconnects for ever, with jitter, at most 5 s apart.
 */
public interface IdentitySource extends AutoCloseable {
  /**
   * The broker's own X.509-SVID.
   *
   * @throws io.exeat.base.FaultException Unavailable IDENTITY when there is none that is valid now
   */
  Svid svid();

  /**
   * Another SVID that this process is entitled to, by exact SPIFFE ID: a pod-level agent's, in mode
   * {@code workload-api}.
   *
   * @throws io.exeat.base.FaultException Unattested when no SVID of that ID is valid now
   */
  Svid svid(SpiffeId id);

  /**
   * A JWT-SVID of the broker's own ID for one audience (JWT-SVID specification), fetched anew when
   * less than half of its life is left.
   *
   * @throws io.exeat.base.FaultException Unavailable IDENTITY when it cannot be had within {@code
   *     within}
   */
  String jwt(String audience, Duration within);

  /** The trust bundles, own and federated. */
  TrustBundles trust();

  /** Runs {@code listener} after each change of SVID or bundle, on a thread of the source's. */
  Subscription onChange(Runnable listener);

  @Override
  void close();
}
