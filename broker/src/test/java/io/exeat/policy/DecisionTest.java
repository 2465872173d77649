package io.exeat.policy;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class DecisionTest {
  private static final Decision PERMIT = new Decision.Permit(List.of(), "p");
  private static final Decision ASK = new Decision.Ask(List.of("owner"), List.of(), "p");
  private static final Decision FAILED = new Decision.Failed("it is late", "p");
  private static final Decision DENY = new Decision.Deny("no", List.of(), "p");

  static Stream<Arguments> several() {
    return Stream.of(
        Arguments.of(List.of(PERMIT, PERMIT), "permit"),
        Arguments.of(List.of(PERMIT, ASK), "ask"),
        Arguments.of(List.of(PERMIT, FAILED, ASK), "failed"),
        Arguments.of(List.of(PERMIT, FAILED, ASK, DENY), "deny"));
  }

  @ParameterizedTest
  @MethodSource("several")
  void theHardestOfSeveralHoldsInAnyOrder(List<Decision> decisions, String word) {
    assertThat(Decision.together(decisions).word()).isEqualTo(word);
    assertThat(Decision.together(decisions.reversed()).word()).isEqualTo(word);
    List<Decision> turned = new ArrayList<>(decisions);
    Collections.rotate(turned, 1);
    assertThat(Decision.together(turned).word()).isEqualTo(word);
  }
}
