package io.exeat.revoke;

import com.nimbusds.jose.JOSEException;
import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.JWSHeader;
import com.nimbusds.jose.JWSObject;
import com.nimbusds.jose.JWSSigner;
import com.nimbusds.jose.Payload;
import com.nimbusds.jose.crypto.ECDSASigner;
import com.nimbusds.jose.crypto.RSASSASigner;
import com.nimbusds.jose.util.Base64;
import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import io.exeat.base.Time;
import io.exeat.identity.IdentitySource;
import io.exeat.identity.Svid;
import java.security.PrivateKey;
import java.security.cert.CertificateEncodingException;
import java.security.cert.X509Certificate;
import java.security.interfaces.ECPrivateKey;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/** Signs with the SVID of the moment; its chain goes along ({@code x5c}), so that it can rotate. */
public final class SvidSigner implements ReceiptSigner {
  private final IdentitySource identity;
  private final Time time;

  public SvidSigner(IdentitySource identity, Time time) {
    this.identity = identity;
    this.time = time;
  }

  @Override
  public String sign(Receipt receipt) {
    Svid svid = identity.svid();
    JWSAlgorithm algorithm = ReceiptVerifier.algorithm(svid.leaf().getPublicKey());
    if (algorithm == null) {
      throw new FaultException(
          new Fault.Unavailable(
              Fault.Dependency.IDENTITY,
              "its SVID's key is neither EC nor RSA: receipts cannot be signed with it",
              Duration.ofMinutes(1)));
    }
    try {
      List<Base64> chain = new ArrayList<>();
      for (X509Certificate certificate : svid.chain()) {
        chain.add(Base64.encode(certificate.getEncoded()));
      }
      JWSObject jws =
          new JWSObject(
              new JWSHeader.Builder(algorithm)
                  .type(ReceiptVerifier.TYPE)
                  .x509CertChain(chain)
                  .build(),
              new Payload(ReceiptText.write(new ReceiptText.Said(svid.id(), time.now(), receipt))));
      jws.sign(signer(svid.key()));
      return jws.serialize();
    } catch (JOSEException | CertificateEncodingException e) {
      throw new IllegalStateException("a receipt cannot be signed", e);
    }
  }

  private static JWSSigner signer(PrivateKey key) throws JOSEException {
    return key instanceof ECPrivateKey ec ? new ECDSASigner(ec) : new RSASSASigner(key);
  }
}
