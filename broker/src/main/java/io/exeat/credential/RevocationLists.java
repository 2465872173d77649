package io.exeat.credential;

import io.exeat.task.Target;
import java.security.cert.X509Certificate;

/** What the backend publishes of the certificates that its issuers signed. */
public interface RevocationLists {
  /**
   * The issuer of {@code target} and its list, as they are now.
   *
   * @throws io.exeat.base.FaultException Unavailable VAULT
   */
  Published published(Target.Pki target);

  /**
   * @param list its revocation list, in PEM; not looked at yet
   */
  record Published(X509Certificate issuer, String list) {}
}
