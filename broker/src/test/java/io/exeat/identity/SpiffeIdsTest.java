package io.exeat.identity;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.NullMarked;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

@NullMarked
final class SpiffeIdsTest {
  static Stream<String> hostile() {
    return Stream.of(
        "",
        " ",
        "spiffe://",
        "spiffe:///agent",
        "spiffe:/td/agent",
        "SPIFFE://td/agent",
        "Spiffe://td/agent",
        "http://td/agent",
        "//td/agent",
        " spiffe://td/agent",
        "spiffe://td/agent ",
        "spiffe://td/agent\n",
        "spiffe://td/agent\u0000",
        "spiffe://td\u0000/agent",
        "spiffe://TD/agent",
        "spiffe://Td/agent",
        "spiffe://td:8443/agent",
        "spiffe://user@td/agent",
        "spiffe://user:secret@td/agent",
        "spiffe://[::1]/agent",
        "spiffe://t%64/agent",
        "spiffe://td/%61gent",
        "spiffe://td/agent%2fevil",
        "spiffe://td/agent%00",
        "spiffe://td/agent?x=1",
        "spiffe://td/agent#x",
        "spiffe://td/",
        "spiffe://td/agent/",
        "spiffe://td//agent",
        "spiffe://td/agent//evil",
        "spiffe://td/.",
        "spiffe://td/..",
        "spiffe://td/./agent",
        "spiffe://td/agent/../broker",
        "spiffe://td/agent/..",
        "spiffe://td/agent;evil",
        "spiffe://td/agent\\evil",
        "spiffe://td/agent*",
        "spiffe://td/a b",
        "spiffe://td/a:b",
        "spiffe://td/a@b",
        "spiffe://td/a,b",
        "spiffe://td/a+b",
        "spiffe://td/a~b",
        "spiffe://t d/agent",
        // Cyrillic a, fullwidth solidus, one dot leader, composed and decomposed é, long s, soft
        // hyphen
        "spiffe://td/\u0430gent",
        "spiffe://t\u0501/agent",
        "spiffe://td\uff0fagent",
        "spiffe://td/agent\uff0fevil",
        "spiffe://td/\u2024\u2024/agent",
        "spiffe://td/caf\u00e9",
        "spiffe://td/cafe\u0301",
        "\u017fpiffe://td/agent",
        "spiffe://td/a\u00adgent",
        "spiffe://td/agent\u202e",
        "spiffe://td/agent\ud800",
        "spiffe://" + "a".repeat(256) + "/agent",
        "spiffe://td/" + "a".repeat(2048 - "spiffe://td/".length() + 1),
        "spiffe://td/" + "a/".repeat(500_000) + "a");
  }

  @ParameterizedTest
  @MethodSource("hostile")
  void whatTheSpecificationDoesNotAllowIsRefusedByItsField(String text) {
    assertThatThrownBy(() -> SpiffeIds.parse("agent", text))
        .isInstanceOfSatisfying(
            FaultException.class,
            e ->
                assertThat(e.fault())
                    .isInstanceOfSatisfying(
                        Fault.Malformed.class,
                        fault -> assertThat(fault.field()).isEqualTo("agent")));
  }

  @Test
  void whatTheSpecificationAllowsIsKeptAsItIs() {
    for (String text :
        List.of(
            "spiffe://td",
            "spiffe://example.org/ns/dev/sa/research/agent/summarizer",
            "spiffe://a-b_c.9/X/.../..a/-/_",
            "spiffe://" + "a".repeat(255) + "/x",
            "spiffe://td/" + "a".repeat(2048 - "spiffe://td/".length()))) {
      assertThat(SpiffeIds.parse("id", text)).hasToString(text);
    }
  }

  @Test
  void aWorkloadHasAPath() {
    assertThatThrownBy(() -> SpiffeIds.parseWorkload("agent", "spiffe://td"))
        .isInstanceOf(FaultException.class);
  }

  @Test
  void aStarInAPatternIsOneSegment() {
    IdPattern pattern = new IdPattern("spiffe://td/ns/*/sa/*/agent/*");

    assertThat(pattern.test(SpiffeIds.parse("id", "spiffe://td/ns/a/sa/b/agent/c"))).isTrue();
    assertThat(pattern.test(SpiffeIds.parse("id", "spiffe://td/ns/a/sa/b/evil/sa/c/agent/d")))
        .isFalse();
    assertThat(pattern.test(SpiffeIds.parse("id", "spiffe://other/ns/a/sa/b/agent/c"))).isFalse();
    assertThat(pattern.test(SpiffeIds.parse("id", "spiffe://td/ns/a/sa/b/agent"))).isFalse();
    assertThat(pattern.test(SpiffeIds.parse("id", "spiffe://td/ns/a/sa/b/agents/c"))).isFalse();
  }

  @Test
  void aPatternNamesItsTrustDomainAndAPath() {
    for (String text :
        List.of(
            "*", "spiffe://*/agent/x", "spiffe://td", "spiffe://td/a*", "spiffe://td/**/x", "")) {
      assertThatThrownBy(() -> new IdPattern(text)).as(text).isInstanceOf(FaultException.class);
    }
  }
}
