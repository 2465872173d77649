package io.exeat.gateway.grpc;

import static org.assertj.core.api.Assertions.assertThat;

import io.exeat.policy.Arguments;
import io.exeat.v1.CheckRequest;
import java.util.Map;
import org.junit.jupiter.api.Test;

final class ParseActTest {
  private static Arguments arguments(String json) {
    return ParseAct.of(CheckRequest.newBuilder().setTool("pay").setArgumentsJson(json).build())
        .arguments();
  }

  @Test
  void anAmountIsTheSameHoweverItIsWritten() {
    assertThat(arguments("{\"amount\":1e3}")).isEqualTo(arguments("{\"amount\":1000}"));
    assertThat(arguments("{\"amount\":1000.0}").numbers()).isEqualTo(Map.of("amount", 1_000L));
  }

  /** A double would make 9007199254740992 of it. */
  @Test
  void noDigitOfANumberIsLost() {
    assertThat(arguments("{\"amount\":9007199254740993.0}").numbers())
        .isEqualTo(Map.of("amount", 9_007_199_254_740_993L));
    assertThat(arguments("{\"amount\":0.12345678901234567890}").texts())
        .isEqualTo(Map.of("amount", "0.1234567890123456789"));
  }
}
