package io.exeat.credential;

import io.exeat.base.LeaseId;
import io.exeat.task.Target;

/**
 * Logins of the broker's own at targets, lent by the backend under the broker's session, never to
 * agents.
 */
public interface OwnLogins {
  /**
   * A login of the verifier at a database, or its account at a cluster. It is not renewed: a new
   * one is lent before it expires.
   *
   * @throws IllegalArgumentException for a target at which there is no verifier's
   * @throws io.exeat.base.FaultException Unavailable VAULT or TARGET
   */
  Lent verifier(Target target);

  /** Ends a login that is not used any more, when its target is back if that is away now. */
  void giveBack(LeaseId lease);
}
