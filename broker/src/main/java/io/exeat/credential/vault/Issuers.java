package io.exeat.credential.vault;

import com.fasterxml.jackson.databind.JsonNode;
import io.exeat.base.FaultException;
import io.exeat.credential.RevocationLists;
import io.exeat.task.Target;
import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;

/** An issuer of the PKI engine and its list: what Vault tells anybody, without a token. */
final class Issuers {
  private Issuers() {}

  static RevocationLists.Published published(VaultClient client, Target.Pki target) {
    String issuer =
        Names.check("mount", target.mount()) + "/issuer/" + Names.check("issuer", target.issuer());
    try {
      String certificate = text(client.told(issuer + "/json"), "certificate", target);
      String list = text(client.told(issuer + "/crl"), "crl", target);
      return new RevocationLists.Published(
          (X509Certificate)
              CertificateFactory.getInstance("X.509")
                  .generateCertificate(
                      new ByteArrayInputStream(certificate.getBytes(StandardCharsets.US_ASCII))),
          list);
    } catch (NoAnswer e) {
      throw Refusals.of(e);
    } catch (CertificateException e) {
      throw new FaultException(
          Refusals.vault("what Vault says is the issuer of " + target.name() + " is none"), e);
    }
  }

  private static String text(Answer answer, String field, Target.Pki target) {
    JsonNode text = answer.data().path(field);
    if (!answer.ok() || !text.isTextual()) {
      throw new FaultException(
          Refusals.vault(
              "Vault has no issuer %s with a revocation list at %s/"
                  .formatted(target.issuer(), target.mount())),
          Refusals.said(answer));
    }
    return text.asText();
  }
}
