package io.exeat.credential.vault;

import com.fasterxml.jackson.databind.JsonNode;
import io.exeat.base.SecretBytes;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;

/** What Vault answered, whatever the status. */
record Answer(int status, JsonNode body) {
  boolean ok() {
    return status >= 200 && status < 300;
  }

  JsonNode auth() {
    return body.path("auth");
  }

  JsonNode data() {
    return body.path("data");
  }

  List<String> warnings() {
    return texts(body.path("warnings"));
  }

  /** Vault's own words, for people and the log; they carry no secret and no handle. */
  String errors() {
    String text = String.join("; ", texts(body.path("errors"))).replaceAll("\\s+", " ").strip();
    return text.length() > 300 ? text.substring(0, 300) + "…" : text;
  }

  /**
   * Whether Vault said {@code words}; only where the status alone does not tell two things apart.
   */
  boolean says(String words) {
    return texts(body.path("errors")).stream().anyMatch(error -> error.contains(words));
  }

  /** Whether Vault said one thing, and that is of this form. */
  boolean onlySays(Pattern form) {
    List<String> errors = texts(body.path("errors"));
    return errors.size() == 1 && form.matcher(errors.getFirst()).matches();
  }

  /** A server error may come after the deed: the answer's audit record can fail, for one. */
  boolean maybeDone() {
    return status >= 500 && status != 503;
  }

  boolean unknownLease() {
    return status == 400 && (says("invalid lease") || says("lease not found"));
  }

  static SecretBytes secret(JsonNode text) {
    return SecretBytes.adopt(text.asText().getBytes(StandardCharsets.UTF_8));
  }

  private static List<String> texts(JsonNode array) {
    List<String> texts = new ArrayList<>();
    array.forEach(text -> texts.add(text.asText()));
    return texts;
  }

  /** The status: the body may hold a secret. */
  @Override
  public String toString() {
    return "Answer[" + status + "]";
  }
}
