package io.exeat.gateway.grpc;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import io.exeat.policy.Act;
import io.exeat.policy.Action;
import io.exeat.policy.Arguments;
import io.exeat.policy.Door;
import io.exeat.v1.CheckRequest;
import java.util.Optional;
import java.util.regex.Pattern;

/** From a {@code CheckRequest} to an act; throws Malformed as {@link Parse} does. */
final class ParseAct {
  private static final int JSON_BYTES = 60 << 10;
  private static final int JSON_DEPTH = 16;
  private static final Pattern TOOL = Pattern.compile("[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}");
  private static final Pattern HOST =
      Pattern.compile("[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?|[0-9a-fA-F:]{2,39}");
  private static final ObjectMapper JSON = json();

  private ParseAct() {}

  static Act of(CheckRequest request) {
    Optional<String> tool = optional("tool", request.getTool(), TOOL);
    Optional<String> grant =
        request.getGrant().isEmpty()
            ? Optional.empty()
            : Optional.of(Parse.grant(request.getGrant()));
    if (tool.isEmpty() && grant.isEmpty()) {
      throw Text.malformed("tool", "must be there, or grant must be");
    }
    return new Act(
        Action.CALL,
        tool,
        arguments(request.getArgumentsJson()),
        grant,
        optional("destination", request.getDestination(), HOST),
        Door.API);
  }

  private static Optional<String> optional(String field, String value, Pattern pattern) {
    if (!value.isEmpty() && !pattern.matcher(value).matches()) {
      throw Text.malformed(field, "must match " + pattern.pattern());
    }
    return Optional.of(value).filter(it -> !it.isEmpty());
  }

  private static Arguments arguments(String text) {
    if (text.isEmpty()) {
      return Arguments.NONE;
    }
    // A character is at least one byte: what is too long is refused before it is encoded.
    if (text.length() > JSON_BYTES || text.getBytes(UTF_8).length > JSON_BYTES) {
      throw Text.malformed("arguments_json", "must be at most %,d bytes".formatted(JSON_BYTES));
    }
    JsonNode json;
    try {
      json = JSON.readTree(text);
    } catch (JsonProcessingException e) {
      throw Text.malformed(
          "arguments_json", "must be one JSON object without a key twice, nested at most 16 deep");
    }
    if (!json.isObject()) {
      throw Text.malformed("arguments_json", "must be a JSON object");
    }
    try {
      return Arguments.of(json);
    } catch (FaultException e) {
      throw e.fault() instanceof Fault.Malformed it
          ? Text.malformed("arguments_json", it.problem())
          : e;
    }
  }

  /** Two readings of one text would let a tool see another one than policy did. */
  private static ObjectMapper json() {
    ObjectMapper mapper =
        JsonMapper.builder()
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS) // no digit is lost
            .build();
    mapper
        .getFactory()
        .setStreamReadConstraints(
            StreamReadConstraints.builder().maxNestingDepth(JSON_DEPTH).build());
    return mapper;
  }
}
