package io.exeat.kube;

import com.fasterxml.jackson.databind.node.ObjectNode;

/**
 * What the API server asks about.
 *
 * @param uid to be repeated in the answer
 * @param subresource empty for the pod itself
 * @param pod as it would be stored
 */
record Request(
    String uid, String operation, String subresource, String namespace, ObjectNode pod) {}
