package io.exeat.identity;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.JWSHeader;
import com.nimbusds.jose.crypto.ECDSASigner;
import com.nimbusds.jose.jwk.Curve;
import com.nimbusds.jose.jwk.ECKey;
import com.nimbusds.jose.jwk.gen.ECKeyGenerator;
import com.nimbusds.jwt.JWTClaimsSet;
import com.nimbusds.jwt.SignedJWT;
import io.spiffe.spiffeid.SpiffeId;
import java.nio.charset.StandardCharsets;
import java.text.ParseException;
import java.time.Instant;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.jspecify.annotations.NullMarked;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

@NullMarked
final class JwtRulesTest {
  private static final SpiffeId ID = SpiffeIds.parse("id", "spiffe://td/broker");
  private static final Instant NOW = Instant.parse("2026-03-01T12:00:00Z");
  private static final long EXP = NOW.plusSeconds(300).getEpochSecond();

  private static String raw(String header, String claims) {
    Base64.Encoder encoder = Base64.getUrlEncoder().withoutPadding();
    return encoder.encodeToString(header.getBytes(StandardCharsets.UTF_8))
        + "."
        + encoder.encodeToString(claims.getBytes(StandardCharsets.UTF_8))
        + "."
        + encoder.encodeToString(new byte[64]);
  }

  private static String claims(String rest) {
    return "{\"sub\":\"spiffe://td/broker\",\"aud\":\"vault\",\"exp\":" + EXP + rest + "}";
  }

  private static final String ES256 = "{\"alg\":\"ES256\",\"typ\":\"JWT\"}";

  static Stream<String> hostile() {
    String good = claims("");
    return Stream.of(
        "",
        "a.b.c",
        raw(ES256, good) + ".d",
        raw("{\"alg\":\"none\"}", good),
        raw("{\"alg\":\"None\"}", good),
        raw("{\"alg\":\"nOnE\"}", good),
        raw("{\"alg\":\"HS256\"}", good),
        raw("{\"alg\":\"HS512\"}", good),
        raw("{\"alg\":\"EdDSA\"}", good),
        raw("{\"alg\":\"ES256K\"}", good),
        raw("{\"alg\":\"\"}", good),
        raw("{}", good),
        raw("{\"alg\":\"ES256\",\"alg\":\"none\"}", good),
        raw("{\"alg\":\"ES256\",\"typ\":\"at+jwt\"}", good),
        raw("{\"alg\":\"ES256\",\"jku\":\"https://evil.example/keys\"}", good),
        raw("{\"alg\":\"ES256\",\"x5u\":\"https://evil.example/c.pem\"}", good),
        raw(
            "{\"alg\":\"ES256\",\"jwk\":{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AA\",\"y\":\"AA\"}}",
            good),
        raw("{\"alg\":\"ES256\",\"crit\":[\"exp\"],\"exp\":1}", good),
        raw("{\"alg\":\"ES256\",\"b64\":false,\"crit\":[\"b64\"]}", good),
        raw(ES256, "{}"),
        raw(ES256, "[]"),
        raw(ES256, "null"),
        raw(ES256, "{\"sub\":\"spiffe://td/broker\",\"aud\":\"vault\"}"),
        raw(ES256, "{\"sub\":\"spiffe://td/broker\",\"aud\":\"vault\",\"exp\":\"" + EXP + "\"}"),
        raw(
            ES256,
            "{\"sub\":\"spiffe://td/broker\",\"aud\":\"vault\",\"exp\":" + (EXP - 300) + "}"),
        raw(ES256, "{\"sub\":\"spiffe://td/broker\",\"aud\":\"vault\",\"exp\":-1}"),
        raw(ES256, "{\"sub\":\"spiffe://td/broker\",\"exp\":" + EXP + "}"),
        raw(ES256, "{\"sub\":\"spiffe://td/broker\",\"aud\":[],\"exp\":" + EXP + "}"),
        raw(ES256, "{\"sub\":\"spiffe://td/broker\",\"aud\":\"Vault\",\"exp\":" + EXP + "}"),
        raw(ES256, "{\"sub\":\"spiffe://td/broker\",\"aud\":\"vault \",\"exp\":" + EXP + "}"),
        raw(
            ES256,
            "{\"sub\":\"spiffe://td/broker\",\"aud\":[\"vault\",\"other\"],\"exp\":" + EXP + "}"),
        raw(ES256, "{\"aud\":\"vault\",\"exp\":" + EXP + "}"),
        raw(ES256, "{\"sub\":\"spiffe://td/agent\",\"aud\":\"vault\",\"exp\":" + EXP + "}"),
        raw(ES256, "{\"sub\":\"spiffe://TD/broker\",\"aud\":\"vault\",\"exp\":" + EXP + "}"),
        raw(ES256, "{\"sub\":\"spiffe://td/broker/\",\"aud\":\"vault\",\"exp\":" + EXP + "}"),
        raw(
            ES256,
            "{\"sub\":\"spiffe://td/agent\",\"sub\":\"spiffe://td/broker\",\"aud\":\"vault\",\"exp\":"
                + EXP
                + "}"),
        raw(ES256, claims(",\"nbf\":" + (EXP - 60))),
        raw(ES256, claims(",\"iat\":" + (EXP - 60))),
        raw(ES256, claims(",\"x\":\"" + "a".repeat(9000) + "\"")));
  }

  @ParameterizedTest
  @MethodSource("hostile")
  void aTokenThatBreaksARuleIsRefusedAndNotRepeated(String token) {
    assertThatThrownBy(() -> JwtRules.check(token, "vault", ID, NOW))
        .isInstanceOf(ParseException.class)
        .satisfies(e -> {
          if (token.length() > 20) {
            assertThat(e.toString()).doesNotContain(token);
          }
        });
  }

  @Test
  void aTokenOfOursForOneAudienceIsTaken() throws Exception {
    ECKey key = new ECKeyGenerator(Curve.P_256).generate();
    for (Object audience : List.<Object>of("vault", List.of("vault"))) {
      SignedJWT jwt =
          new SignedJWT(
              new JWSHeader(JWSAlgorithm.ES256),
              JWTClaimsSet.parse(
                  Map.of(
                      "sub",
                      ID.toString(),
                      "aud",
                      audience,
                      "iat",
                      NOW.getEpochSecond(),
                      "exp",
                      EXP)));
      jwt.sign(new ECDSASigner(key));

      JwtRules.Checked checked = JwtRules.check(jwt.serialize(), "vault", ID, NOW);

      assertThat(checked)
          .isEqualTo(new JwtRules.Checked(jwt.serialize(), NOW, NOW.plusSeconds(300)));
      assertThat(checked.toString()).doesNotContain(jwt.serialize());
    }
  }
}
