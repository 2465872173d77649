package io.exeat.credential.vault;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Which of Vault's words are believed to mean that nothing was made. */
final class RefusalsTest {
  private static final String DIAL =
      "failed to connect to `user=vaultadmin database=orders`: 127.0.0.1:5432: connection refused";

  @ParameterizedTest
  @ValueSource(
      strings = {
        "1 error occurred:\n\t* unable to start transaction: " + DIAL + "\n\n",
        "unable to start transaction: " + DIAL,
        "1 error occurred:\n\t* unable to get connection: " + DIAL + "\n\n",
      })
  void thePluginsOwnWordsBeforeItsFirstStatement(String error) {
    assertThat(Refusals.targetNotReached(said(error))).isTrue();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "1 error occurred:\n\t* failed to execute query: connection refused\n\n",
        "1 error occurred:\n\t* failed to commit transaction: connection refused\n\n",
        "1 error occurred:\n\t* failed to execute query: ERROR: unable to start transaction: x\n\n",
        "failed to write the audit record: dial tcp 10.0.0.1:514: connect: connection refused",
        "internal error",
      })
  void theSameWordsAnywhereElseProveNothing(String error) {
    assertThat(Refusals.targetNotReached(said(error))).isFalse();
  }

  @Test
  void amongOtherErrorsTheyProveNothing() {
    assertThat(
            Refusals.targetNotReached(
                said("unable to start transaction: " + DIAL, "audit: no space left on device")))
        .isFalse();
    assertThat(Refusals.targetNotReached(said())).isFalse();
  }

  private static Answer said(String... errors) {
    return new Answer(500, new ObjectMapper().valueToTree(Map.of("errors", List.of(errors))));
  }
}
