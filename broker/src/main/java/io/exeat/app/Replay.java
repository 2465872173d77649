package io.exeat.app;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.exeat.policy.Decision;
import io.exeat.policy.Question;
import io.exeat.policy.QuestionJson;
import io.exeat.policy.cedar.CedarEngine;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * What was recorded, decided again.
 *
 * @param decisions how many were recorded
 * @param changes those that are decided otherwise
 * @param undecided those that could not be decided again
 */
record Replay(int decisions, List<Change> changes, List<Undecided> undecided) {
  /** What questions have not always had: chains of older brokers are without. */
  private static final List<String> NEWER = List.of("arguments", "results");

  /**
   * One question and its answer, as the chain has them.
   *
   * @param id of the decision; several questions can be of one
   * @param decided the decision's word
   * @param approvers whose yes was missing
   * @param isWhole whether the question is the one that the recorded hash is of
   */
  record Recorded(
      String id,
      ObjectNode question,
      String decided,
      List<String> approvers,
      List<String> because,
      boolean isWhole) {
    private boolean isLike(Decision now) {
      return now.word().equals(decided) && now.asked().equals(Set.copyOf(approvers));
    }

    /** In words, as {@link io.exeat.policy.CaseSuite#show} has it of one made now. */
    String show() {
      return approvers.isEmpty() ? decided : decided + " " + String.join(" and ", approvers);
    }
  }

  record Change(Recorded recorded, Decision now) {}

  record Undecided(String id, String why) {}

  static Replay of(List<Recorded> all, CedarEngine engine) {
    List<Change> changes = new ArrayList<>();
    List<Undecided> undecided = new ArrayList<>();
    for (Recorded one : all) {
      if (!one.isWhole()) {
        String why = "the recorded question is not the one that was decided";
        undecided.add(new Undecided(one.id(), why));
        continue;
      }
      try {
        Decision now = engine.decide(question(one, engine));
        if (!one.isLike(now)) {
          changes.add(new Change(one, now));
        }
      } catch (IllegalArgumentException e) {
        undecided.add(new Undecided(one.id(), String.valueOf(e.getMessage())));
      }
    }
    return new Replay(all.size(), List.copyOf(changes), List.copyOf(undecided));
  }

  private static void requireUnseen(String attribute, CedarEngine engine) {
    Optional<String> looks = engine.lookingAt(attribute);
    if (looks.isPresent()) {
      throw new IllegalArgumentException(
          "was recorded before questions had %s, which policy %s looks at"
              .formatted(attribute, looks.get()));
    }
  }

  /**
   * The question that was recorded. What an older broker did not record is nothing where there was
   * nothing to record yet, and where none of the policies would look at it.
   *
   * @throws IllegalArgumentException naming what it lacks, or has too much
   */
  static Question question(Recorded one, CedarEngine engine) {
    ObjectNode document = one.question().deepCopy();
    JsonNode attestation = document.at("/agent/attestation");
    // These came together; the trust domain is in the SPIFFE ID as well.
    if (!attestation.has("trust_domain") && attestation.has("uid")) {
      requireUnseen("agent.attestation.gid", engine);
    }
    if (document.path("history") instanceof ObjectNode history) {
      for (String field : NEWER) {
        if (!history.has(field)) {
          if (history.path("calls").asLong(1) != 0) {
            requireUnseen("history." + field, engine);
          }
          history.putArray(field);
        }
      }
    }
    try {
      return QuestionJson.read(document);
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException(
          "was recorded by another version of Exeat: " + e.getMessage(), e);
    }
  }
}
