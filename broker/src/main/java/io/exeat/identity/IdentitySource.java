package io.exeat.identity;

import io.exeat.base.Subscription;
import io.spiffe.spiffeid.SpiffeId;
import java.time.Duration;
import java.util.List;

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
   * Those SVIDs that this process is entitled to which are of exactly this SPIFFE ID and valid now:
   * in mode {@code workload-api} the agent's is among them. More than one where several
   * registration entries match this process.
   *
   * @param hint theirs; empty for any
   */
  List<Svid> svids(SpiffeId id, String hint);

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
