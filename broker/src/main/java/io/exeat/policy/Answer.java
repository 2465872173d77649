package io.exeat.policy;

import com.fasterxml.jackson.databind.node.ObjectNode;

/**
 * A question as a document and what policy said to it, as the audit keeps them.
 *
 * @param sha256 of the document ({@link QuestionJson#sha256})
 */
public record Answer(ObjectNode question, String sha256, Decision decision) {}
