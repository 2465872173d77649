package io.exeat.revoke;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.nimbusds.jose.JOSEObjectType;
import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.JWSHeader;
import com.nimbusds.jose.JWSObject;
import com.nimbusds.jose.Payload;
import com.nimbusds.jose.crypto.ECDSASigner;
import com.nimbusds.jose.crypto.MACSigner;
import com.nimbusds.jose.util.Base64;
import com.nimbusds.jose.util.Base64URL;
import io.exeat.base.CredentialId;
import io.exeat.base.Epoch;
import io.exeat.base.FaultException;
import io.exeat.base.TaskId;
import io.exeat.base.Time;
import io.exeat.identity.Svid;
import io.exeat.identity.TestAuthority;
import io.exeat.identity.TestIdentity;
import io.exeat.identity.TestTime;
import io.spiffe.spiffeid.SpiffeId;
import java.nio.charset.StandardCharsets;
import java.security.cert.X509Certificate;
import java.security.interfaces.ECPrivateKey;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** A receipt is believed only as an expected broker signed it. */
class ReceiptVerifierTest {
  private static final String BROKER = "spiffe://example.org/host/h1/broker";
  private static final String AGENT = "spiffe://example.org/host/h1/agent/clerk";
  private static final ObjectMapper JSON = new ObjectMapper();

  private final TestAuthority authority = new TestAuthority("example.org");
  private final Svid broker = authority.issue(BROKER);
  private final Receipt receipt = receipt();
  private final String jws = sign(broker, receipt);

  @Test
  void aBrokersReceiptIsGenuineAndSaysWhatWasSigned() {
    assertThat(verify(jws))
        .isInstanceOfSatisfying(
            ReceiptVerifier.Genuine.class,
            it -> {
              assertThat(it.broker().toString()).isEqualTo(BROKER);
              assertThat(it.receipt()).isEqualTo(receipt);
            });
  }

  @Test
  void everyKindAndEveryOutcomeIsReadAsItWasWritten() {
    Receipt epoch =
        new Receipt(
            receipt.epoch(),
            receipt.agent(),
            new Receipt.WholeEpoch(Optional.of(SaltedHash.of("accessor")), List.of("orders-db")),
            "COMPLETED",
            receipt.askedAt(),
            new Receipt.CannotBeRecalled(Instant.now(), "a signed token is good until it expires"));
    Receipt unknown =
        new Receipt(
            receipt.epoch(),
            receipt.agent(),
            new Receipt.WholeEpoch(Optional.empty(), List.of()),
            "AGENT_GONE",
            receipt.askedAt(),
            receipt.outcome());
    for (Receipt each : List.of(epoch, unknown)) {
      assertThat(verify(sign(broker, each)))
          .isInstanceOfSatisfying(
              ReceiptVerifier.Genuine.class, it -> assertThat(it.receipt()).isEqualTo(each));
    }
  }

  @Test
  void anRsaKeySignsAsWell() {
    assertThat(verify(sign(authority.issueRsa(BROKER), receipt)))
        .isInstanceOf(ReceiptVerifier.Genuine.class);
  }

  @Test
  void noHandleIsInItAndWhoHasTheHandleKnowsItAgain() {
    assertThat(payload(jws).toString()).doesNotContain("database/creds/orders-read/secret");
    Receipt.Credential credential = (Receipt.Credential) receipt.what();
    assertThat(credential.lease().matches("database/creds/orders-read/secret")).isTrue();
    assertThat(credential.lease().matches("database/creds/orders-read/secreT")).isFalse();
    assertThat(SaltedHash.of("x")).isNotEqualTo(SaltedHash.of("x"));
  }

  @Test
  void everyFieldThatIsAlteredIsFound() throws Exception {
    int altered = 0;
    for (String each : alterations(payload(jws))) {
      String[] parts = jws.split("\\.", -1);
      String forged = parts[0] + "." + Base64URL.encode(each) + "." + parts[2];
      refused(forged, "signature");
      altered++;
    }
    assertThat(altered).isGreaterThan(25);
  }

  @Test
  void everyCharacterThatIsAlteredIsFound() {
    for (int i = 0; i < jws.length(); i++) {
      char other = jws.charAt(i) == 'A' ? 'B' : 'A';
      refused(jws.substring(0, i) + other + jws.substring(i + 1), "");
      if (i % 16 == 0) {
        refused(jws.substring(0, i) + jws.substring(i + 1), "");
      }
    }
    refused(jws + "A", "");
    refused(jws + "=", "");
    refused("", "");
    refused("..", "");
  }

  @Test
  void anotherSignerIsRefused() {
    refused(sign(authority.issue(AGENT), receipt), "not a broker");
    refused(sign(authority.issue(BROKER + "s"), receipt), "not a broker");
    refused(sign(authority.issue("spiffe://example.org/host/h1/Broker"), receipt), "not a broker");
    refused(sign(authority.issueNameless(BROKER), receipt), "URI names");
    refused(sign(new TestAuthority("example.org").issue(BROKER), receipt), "does not verify");
    TestAuthority elsewhere = new TestAuthority("example.com");
    refused(sign(elsewhere.issue(BROKER), receipt), "does not verify");
    refused(sign(elsewhere.issue("spiffe://example.com/host/h1/broker"), receipt), "no authority");
    refused(sign(authority.issue("spiffe://example.com/host/h1/broker"), receipt), "no authority");
  }

  @Test
  void anAgentThatIsMistakenForABrokerSignsNothingOfItsOwn() {
    String own = sign(authority.issue(AGENT), receipt);
    ReceiptVerifier.Result result =
        new ReceiptVerifier(List.of(authority.certificate()), Set.of(SpiffeId.parse(AGENT)))
            .verify(own, Instant.now());
    assertThat(result).isInstanceOf(ReceiptVerifier.Refused.class);
  }

  @Test
  void anotherTrustDomainsAuthorityInTheBundleVouchesForNothingOfThis() {
    TestAuthority elsewhere = new TestAuthority("example.com");
    String forged = sign(elsewhere.issue(BROKER), receipt);
    assertThat(
            new ReceiptVerifier(
                    List.of(authority.certificate(), elsewhere.certificate()),
                    Set.of(SpiffeId.parse(BROKER)))
                .verify(forged, Instant.now()))
        .isInstanceOf(ReceiptVerifier.Refused.class);
  }

  @Test
  void whatIsSaidAndWhoSignsMustBeOne() {
    Svid agent = authority.issue(AGENT);
    String stolen =
        raw(agent, header(JWSAlgorithm.ES256, agent), said(SpiffeId.parse(BROKER), Instant.now()));
    refused(stolen, "signed by " + AGENT);
  }

  @Test
  void anotherKeyThanTheCertificatesIsRefused() {
    Svid other = authority.issue(BROKER);
    Svid mixed = new Svid(broker.id(), broker.chain(), other.key(), "");
    refused(sign(mixed, receipt), "signature");
  }

  @Test
  void anotherHeaderIsRefused() throws Exception {
    byte[] said = said(broker.id(), Instant.now());
    String none =
        Base64URL.encode(
                "{\"alg\":\"none\",\"typ\":\"exeat-receipt+jws\",\"x5c\":[\""
                    + der(broker)
                    + "\"]}")
            + "."
            + Base64URL.encode(said)
            + ".";
    refused(none, "");
    refused(
        Base64URL.encode(
                "{\"alg\":\"NONE\",\"typ\":\"exeat-receipt+jws\",\"x5c\":[\""
                    + der(broker)
                    + "\"]}")
            + "."
            + Base64URL.encode(said)
            + ".AAAA",
        "");
    byte[] publicKey = broker.leaf().getPublicKey().getEncoded();
    JWSObject mac = new JWSObject(header(JWSAlgorithm.HS256, broker), new Payload(said));
    mac.sign(new MACSigner(publicKey));
    refused(mac.serialize(), "algorithm");
    refused(
        raw(
            broker,
            new JWSHeader.Builder(JWSAlgorithm.ES256)
                .type(JOSEObjectType.JWT)
                .x509CertChain(List.of(der(broker)))
                .build(),
            said),
        "header");
    refused(
        raw(
            broker,
            new JWSHeader.Builder(header(JWSAlgorithm.ES256, broker)).keyID("k").build(),
            said),
        "header");
    refused(
        raw(
            broker,
            new JWSHeader.Builder(JWSAlgorithm.ES256).type(ReceiptVerifier.TYPE).build(),
            said),
        "header");
  }

  @Test
  void theChainMustHaveVerifiedWhenItWasSigned() {
    Svid old = authority.issue(BROKER, -7200, -3600);
    TestIdentity identity = new TestIdentity(old);
    Instant then = Instant.now().minusSeconds(5400);
    String past = new SvidSigner(identity, new Time(() -> then, () -> 0)).sign(receipt);
    // The authority of this test is younger than that.
    refused(past, "no authority");
    Svid ended = authority.issue(BROKER, -50, -20);
    Instant within = Instant.now().minusSeconds(30);
    String rotated =
        new SvidSigner(new TestIdentity(ended), new Time(() -> within, () -> 0)).sign(receipt);
    assertThat(verify(rotated)).isInstanceOf(ReceiptVerifier.Genuine.class);
    refused(sign(ended, receipt), "does not verify"); // signed after its end
  }

  @Test
  void whatIsYetToBeSignedIsRefused() {
    Instant now = Instant.now();
    assertThat(verifier().verify(jws, now.minus(Duration.ofMinutes(10))))
        .isInstanceOf(ReceiptVerifier.Refused.class);
  }

  @Test
  void whatIsNotWrittenSoIsNotReadEvenWhenItIsSigned() {
    String sound = new String(said(broker.id(), Instant.now()), StandardCharsets.UTF_8);
    for (String odd :
        List.of(
            sound.replace("{\"v\":1", "{\"v\":2"),
            sound.replace("{\"v\":1", "{\"v\":1,\"more\":true"),
            sound.replace("\"cause\"", "\"cause\":\"X\",\"cause\""),
            sound.replace("\"dead\":", "\"died\":"),
            sound + " 1",
            "[]",
            "{}")) {
      refused(
          raw(broker, header(JWSAlgorithm.ES256, broker), odd.getBytes(StandardCharsets.UTF_8)),
          "");
    }
  }

  /** Anybody can sign: what they signed is not to look like an answer of ours. */
  @Test
  void nothingIsPutIntoOurMouth() {
    String sound = new String(said(broker.id(), Instant.now()), StandardCharsets.UTF_8);
    String odd =
        sound.replace("COMPLETED", "X").replace("\"POSTGRES_ROLE\"", "\"A\\n\\u001b[2Jgenuine\"");
    Svid anybody = new TestAuthority("example.org").issue(AGENT);
    String forged =
        raw(anybody, header(JWSAlgorithm.ES256, anybody), odd.getBytes(StandardCharsets.UTF_8));
    assertThat(verify(forged))
        .isInstanceOfSatisfying(
            ReceiptVerifier.Refused.class,
            it -> assertThat(it.why()).contains("genuine").matches("[ -~]{1,400}"));
  }

  @Test
  void withoutAnSvidNothingIsSigned() {
    TestIdentity identity = new TestIdentity(broker);
    ReceiptSigner signer = new SvidSigner(identity.gone(), TestTime.real());
    assertThatThrownBy(() -> signer.sign(receipt)).isInstanceOf(FaultException.class);
  }

  private ReceiptVerifier verifier() {
    return new ReceiptVerifier(List.of(authority.certificate()), Set.of(SpiffeId.parse(BROKER)));
  }

  private ReceiptVerifier.Result verify(String text) {
    return verifier().verify(text, Instant.now());
  }

  private void refused(String text, String because) {
    assertThat(verify(text))
        .as(text)
        .isInstanceOfSatisfying(
            ReceiptVerifier.Refused.class, it -> assertThat(it.why()).contains(because));
  }

  private static String sign(Svid by, Receipt receipt) {
    return new SvidSigner(new TestIdentity(by), TestTime.real()).sign(receipt);
  }

  private byte[] said(SpiffeId by, Instant at) {
    return ReceiptText.write(new ReceiptText.Said(by, at, receipt));
  }

  private static JWSHeader header(JWSAlgorithm algorithm, Svid svid) {
    return new JWSHeader.Builder(algorithm)
        .type(ReceiptVerifier.TYPE)
        .x509CertChain(List.of(der(svid)))
        .build();
  }

  private static String raw(Svid by, JWSHeader header, byte[] payload) {
    try {
      JWSObject object = new JWSObject(header, new Payload(payload));
      object.sign(new ECDSASigner((ECPrivateKey) by.key()));
      return object.serialize();
    } catch (Exception e) {
      throw new AssertionError(e);
    }
  }

  private static Base64 der(Svid svid) {
    try {
      X509Certificate leaf = svid.leaf();
      return Base64.encode(leaf.getEncoded());
    } catch (Exception e) {
      throw new AssertionError(e);
    }
  }

  private static JsonNode payload(String text) {
    try {
      return JSON.readTree(new Base64URL(text.split("\\.", -1)[1]).decode());
    } catch (Exception e) {
      throw new AssertionError(e);
    }
  }

  /** The document with each value changed, and each left out, one at a time. */
  private static List<String> alterations(JsonNode document) throws Exception {
    List<String> all = new ArrayList<>();
    List<String> pointers = new ArrayList<>();
    pointers("", document, pointers);
    for (String pointer : pointers) {
      for (boolean out : List.of(true, false)) {
        JsonNode copy = document.deepCopy();
        int slash = pointer.lastIndexOf('/');
        JsonNode in = copy.at(pointer.substring(0, slash));
        String name = pointer.substring(slash + 1);
        JsonNode value = copy.at(pointer);
        JsonNode other =
            value.isNumber()
                ? JSON.valueToTree(value.longValue() + 1)
                : JSON.valueToTree(value.asText() + "x");
        if (in instanceof ArrayNode array) {
          int index = Integer.parseInt(name);
          var _ = out ? array.remove(index) : array.set(index, other);
        } else {
          var _ = out ? ((ObjectNode) in).remove(name) : ((ObjectNode) in).set(name, other);
        }
        all.add(JSON.writeValueAsString(copy));
      }
    }
    return all;
  }

  private static void pointers(String at, JsonNode node, List<String> found) {
    if (node.isObject()) {
      node.properties().forEach(it -> pointers(at + "/" + it.getKey(), it.getValue(), found));
    } else if (node.isArray()) {
      for (int i = 0; i < node.size(); i++) {
        pointers(at + "/" + i, node.get(i), found);
      }
    } else {
      found.add(at);
    }
  }

  private static Receipt receipt() {
    Instant at = Instant.parse("2026-11-22T10:00:00.123456789Z");
    return new Receipt(
        new Epoch(TaskId.random(), 3),
        SpiffeId.parse(AGENT),
        new Receipt.Credential(
            CredentialId.random(),
            Receipt.Kind.POSTGRES_ROLE,
            "orders-read",
            "orders-db",
            "x-t0-e3-abc",
            SaltedHash.of("database/creds/orders-read/secret"),
            at.minusSeconds(20),
            at.plusSeconds(40)),
        "COMPLETED",
        at,
        new Receipt.Dead(
            at.plusMillis(20),
            at.plusMillis(31),
            List.of("vault: lease unknown", "orders-db: pg_roles: 0 roles")));
  }
}
