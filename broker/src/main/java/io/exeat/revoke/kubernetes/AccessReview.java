package io.exeat.revoke.kubernetes;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.exeat.task.Grant;
import java.util.Optional;

/** A SubjectAccessReview (authorization.k8s.io/v1): may this account do that? */
final class AccessReview {
  static final String PATH = "/apis/authorization.k8s.io/v1/subjectaccessreviews";

  private AccessReview() {}

  /**
   * Whether {@code user} may do the first of what {@code grant} lets: a binding gives all or
   * nothing. Empty for a grant that lends no account any more.
   */
  static Optional<ObjectNode> of(String user, Grant grant) {
    if (!(grant.kind() instanceof Grant.Kind.ServiceAccount kind)) {
      return Optional.empty();
    }
    Grant.Rule rule = kind.rules().getFirst();
    ObjectNode review = JsonNodeFactory.instance.objectNode();
    review.put("apiVersion", "authorization.k8s.io/v1").put("kind", "SubjectAccessReview");
    ObjectNode spec = review.putObject("spec");
    spec.put("user", user);
    spec.putArray("groups")
        .add("system:serviceaccounts")
        .add("system:serviceaccounts:" + kind.namespace())
        .add("system:authenticated");
    String[] resource = rule.resources().getFirst().split("/", 2);
    ObjectNode act = spec.putObject("resourceAttributes");
    act.put("namespace", kind.namespace());
    act.put("verb", rule.verbs().getFirst());
    act.put("group", rule.apiGroups().getFirst());
    act.put("resource", resource[0]);
    if (resource.length > 1) {
      act.put("subresource", resource[1]);
    }
    rule.names().stream().findFirst().ifPresent(name -> act.put("name", name));
    return Optional.of(review);
  }
}
