package io.exeat.credential;

import io.exeat.base.Accessor;

/**
 * Where a backend writes down its sessions, so that a later broker can end what this one left. Each
 * method returns once its fact is durable; the wiring implements it by the journal, which comes
 * later.
 */
public interface SessionLog {
  /**
   * A session is about to have children.
   *
   * @throws io.exeat.base.FaultException Unavailable JOURNAL: then the session is not used
   */
  void opened(Accessor session);

  /** The session is dead in Vault, and with it all its descendants. */
  void ended(Accessor session);
}
