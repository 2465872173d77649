package io.exeat.identity;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.spiffe.spiffeid.TrustDomain;
import java.security.KeyPair;
import java.security.cert.CertificateException;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.UnaryOperator;
import org.bouncycastle.asn1.x509.KeyUsage;
import org.jspecify.annotations.NullMarked;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

@NullMarked
final class X509RulesTest {
  private static final TrustDomain TD = TrustDomain.parse("td");
  private static final TrustDomain OTHER = TrustDomain.parse("other");

  private final Forge.Authority td = Forge.authority("td");
  private final Forge.Authority other = Forge.authority("other");
  private final TestTime clock = new TestTime();
  private final ChainVerifier verifier =
      new ChainVerifier(
          domain ->
              Map.of(TD, Set.of(td.certificate()), OTHER, Set.of(other.certificate()))
                  .getOrDefault(domain, Set.of()),
          clock.time());

  private Forge.Leaf leaf() {
    return Forge.leaf(td).uri("spiffe://td/agent");
  }

  private List<X509Certificate> chain(UnaryOperator<Forge.Leaf> change) {
    return List.of(change.apply(leaf()).sign());
  }

  @Test
  void aGoodSvidIsWhoItSays() throws Exception {
    assertThat(verifier.verify(chain(leaf -> leaf))).hasToString("spiffe://td/agent");
    assertThat(verifier.verify(List.of(Forge.leaf(other).uri("spiffe://other/agent").sign())))
        .hasToString("spiffe://other/agent");
  }

  @Test
  void anIntermediateIsFollowed() throws Exception {
    Forge.Authority below = Forge.below(td, true, KeyUsage.keyCertSign);
    X509Certificate leaf = Forge.leaf(below).uri("spiffe://td/agent").sign();

    assertThat(verifier.verify(List.of(leaf, below.certificate())))
        .hasToString("spiffe://td/agent");
  }

  @TestFactory
  List<DynamicTest> aBadSvidIsNobody() {
    Forge.Authority noAuthority = Forge.below(td, false, KeyUsage.digitalSignature);
    Forge.Authority unknown = Forge.authority("td");
    Map<String, List<X509Certificate>> bad =
        Map.ofEntries(
            Map.entry("no certificate", List.of()),
            Map.entry("two URIs", chain(leaf -> leaf.uri("spiffe://td/broker"))),
            Map.entry("the same URI twice", chain(leaf -> leaf.uri("spiffe://td/agent"))),
            Map.entry(
                "a second URI of another scheme", chain(leaf -> leaf.uri("https://td/agent"))),
            Map.entry("a DNS name only", List.of(Forge.leaf(td).dns("td").sign())),
            Map.entry("no names", List.of(Forge.leaf(td).sign())),
            Map.entry("the trust domain itself", List.of(Forge.leaf(td).uri("spiffe://td").sign())),
            Map.entry("a malformed ID", List.of(Forge.leaf(td).uri("spiffe://td/a//b").sign())),
            Map.entry("an ID in capitals", List.of(Forge.leaf(td).uri("spiffe://TD/agent").sign())),
            Map.entry("an encoded ID", List.of(Forge.leaf(td).uri("spiffe://td/%61gent").sign())),
            Map.entry("a CA as leaf", chain(leaf -> leaf.authority(true))),
            Map.entry(
                "may sign certificates",
                chain(leaf -> leaf.usage(KeyUsage.digitalSignature | KeyUsage.keyCertSign))),
            Map.entry(
                "may sign lists",
                chain(leaf -> leaf.usage(KeyUsage.digitalSignature | KeyUsage.cRLSign))),
            Map.entry("may not sign", chain(leaf -> leaf.usage(KeyUsage.keyAgreement))),
            Map.entry("key usage not critical", chain(leaf -> leaf.criticalUsage(false))),
            Map.entry("no key usage", chain(leaf -> leaf.usage(0))),
            Map.entry("expired", chain(leaf -> leaf.dates(-7200, -60))),
            Map.entry("not yet valid", chain(leaf -> leaf.dates(60, 7200))),
            Map.entry("RSA of 1024 bits", chain(leaf -> leaf.keys(Forge.rsa(1024)))),
            Map.entry(
                "another trust domain's ID",
                List.of(Forge.leaf(td).uri("spiffe://other/agent").sign())),
            Map.entry(
                "a trust domain without bundle",
                List.of(Forge.leaf(td).uri("spiffe://third/agent").sign())),
            Map.entry(
                "an unknown authority of the same name",
                List.of(Forge.leaf(unknown).uri("spiffe://td/agent").sign())),
            Map.entry(
                "unknown authority beside",
                List.of(
                    Forge.leaf(unknown).uri("spiffe://td/agent").sign(), unknown.certificate())),
            Map.entry(
                "signed by a leaf",
                List.of(
                    Forge.leaf(noAuthority).uri("spiffe://td/agent").sign(),
                    noAuthority.certificate())),
            Map.entry(
                "the federated authority beside",
                List.of(Forge.leaf(td).uri("spiffe://other/agent").sign(), other.certificate())),
            Map.entry("a huge chain", huge()));
    List<DynamicTest> tests = new ArrayList<>();
    bad.forEach((name, chain) ->
        tests.add(
            DynamicTest.dynamicTest(
                name,
                () ->
                    assertThatThrownBy(() -> verifier.verify(chain))
                        .isInstanceOf(CertificateException.class))));
    return tests;
  }

  private List<X509Certificate> huge() {
    List<X509Certificate> chain = new ArrayList<>(chain(leaf -> leaf));
    for (int i = 0; i < 100; i++) {
      chain.add(td.certificate());
    }
    return chain;
  }

  @Test
  void whatWasVerifiedIsLookedAtAgainWhenItsTimeIsOver() throws Exception {
    List<X509Certificate> chain = chain(leaf -> leaf);
    var _ = verifier.verify(chain);

    clock.pass(Duration.ofHours(2));

    assertThatThrownBy(() -> verifier.verify(chain)).isInstanceOf(CertificateException.class);
  }

  @Test
  void aKeyOfAnotherCertificateIsRefused() throws Exception {
    KeyPair one = Forge.ec();
    KeyPair two = Forge.ec();
    byte[] der = chain(leaf -> leaf.keys(one)).getFirst().getEncoded();

    assertThatCode(() -> Svids.read("spiffe://td/agent", der, one.getPrivate().getEncoded(), ""))
        .doesNotThrowAnyException();
    assertThatThrownBy(
            () -> Svids.read("spiffe://td/agent", der, two.getPrivate().getEncoded(), ""))
        .isInstanceOf(CertificateException.class);
    assertThatThrownBy(
            () -> Svids.read("spiffe://td/other", der, one.getPrivate().getEncoded(), ""))
        .isInstanceOf(CertificateException.class);
    assertThatThrownBy(() -> Svids.read("spiffe://td/agent", der, new byte[] {1, 2, 3}, ""))
        .isInstanceOf(CertificateException.class)
        .hasNoCause();
    assertThatThrownBy(() -> Svids.certificates(new byte[] {48, 3, 1, 1, 1}))
        .isInstanceOf(CertificateException.class);
  }
}
