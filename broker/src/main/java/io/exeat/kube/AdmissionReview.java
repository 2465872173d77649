package io.exeat.kube;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.json.JsonReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.List;

/** Reads and writes {@code admission.k8s.io/v1}, and no other version. */
final class AdmissionReview {
  private static final String VERSION = "admission.k8s.io/v1";
  private static final String KIND = "AdmissionReview";
  private static final int DEEPEST = 64;

  private static final JsonMapper JSON =
      JsonMapper.builder(
              com.fasterxml.jackson.core.JsonFactory.builder()
                  .streamReadConstraints(
                      StreamReadConstraints.builder()
                          .maxNestingDepth(DEEPEST)
                          .maxNumberLength(64)
                          .maxStringLength(2 << 20)
                          .build())
                  .build())
          .enable(JsonParser.Feature.STRICT_DUPLICATE_DETECTION)
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS)
          .disable(JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS.mappedFeature())
          .build();

  private AdmissionReview() {}

  /**
   * The request in it.
   *
   * @throws Malformed saying what is wrong with it
   */
  static Request read(byte[] body) throws Malformed {
    JsonNode review;
    try {
      review = JSON.readTree(body);
    } catch (JsonProcessingException e) {
      // Its own message would quote the request.
      throw new Malformed(
          "the body is not JSON that can be read" + (e.getLocation() == null ? "" : at(e)));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    if (review == null || !review.isObject()) {
      throw new Malformed("the body is not a JSON object");
    }
    if (!KIND.equals(review.path("kind").asText())
        || !VERSION.equals(review.path("apiVersion").asText())) {
      throw new Malformed(
          "the body is " + said(review) + "; only " + KIND + " of " + VERSION + " is served");
    }
    JsonNode request = review.path("request");
    String uid = text(request, "uid");
    if (uid.isEmpty() || uid.length() > 128) {
      throw new Malformed("request.uid is missing");
    }
    String subresource = text(request, "subResource");
    JsonNode resource = request.path("resource");
    if (!text(resource, "group").isEmpty()
        || !"v1".equals(text(resource, "version"))
        || !"pods".equals(text(resource, "resource"))
        || !List.of("", "ephemeralcontainers").contains(subresource)) {
      throw new Malformed("request.resource is not v1 pods; mend the webhook's rules");
    }
    if (!(request.get("object") instanceof ObjectNode pod)) {
      throw new Malformed("request.object is missing");
    }
    return new Request(
        uid, text(request, "operation"), subresource, text(request, "namespace"), pod);
  }

  private static String at(JsonProcessingException e) {
    return " (byte " + e.getLocation().getByteOffset() + ")";
  }

  private static String said(JsonNode review) {
    return Shapes.shown(review.path("kind").asText())
        + " of "
        + Shapes.shown(review.path("apiVersion").asText());
  }

  private static String text(JsonNode node, String field) {
    JsonNode value = node.get(field);
    return value != null && value.isTextual() ? value.textValue() : "";
  }

  /** Yes, and what to change; nothing when the patch is empty. */
  static String allow(String uid, ArrayNode patch, List<String> warnings) {
    ObjectNode response = JsonNodeFactory.instance.objectNode().put("uid", uid);
    response.put("allowed", true);
    if (!patch.isEmpty()) {
      response
          .put("patchType", "JSONPatch")
          .put("patch", text(patch).getBytes(StandardCharsets.UTF_8));
    }
    if (!warnings.isEmpty()) {
      warnings.forEach(response.putArray("warnings")::add);
    }
    return text(wrap(response));
  }

  /** No, and why. */
  static String deny(String uid, String reason) {
    ObjectNode response = JsonNodeFactory.instance.objectNode().put("uid", uid);
    response.put("allowed", false);
    response
        .putObject("status")
        .put("status", "Failure")
        .put("reason", "Invalid")
        .put("code", 422)
        .put("message", reason);
    return text(wrap(response));
  }

  private static ObjectNode wrap(ObjectNode response) {
    ObjectNode review =
        JsonNodeFactory.instance.objectNode().put("apiVersion", VERSION).put("kind", KIND);
    review.set("response", response);
    return review;
  }

  private static String text(JsonNode node) {
    try {
      return JSON.writeValueAsString(node);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("a JSON tree that cannot be written", e);
    }
  }

  /** Not a request that could be answered in its own terms. */
  static final class Malformed extends Exception {
    Malformed(String message) {
      super(message);
    }
  }
}
