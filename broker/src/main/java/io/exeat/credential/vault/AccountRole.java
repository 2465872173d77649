package io.exeat.credential.vault;

import static java.nio.charset.StandardCharsets.US_ASCII;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.exeat.task.Grant;
import io.exeat.task.Target;
import java.io.ByteArrayInputStream;
import java.security.cert.Certificate;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * The roles of Vault's Kubernetes engine: a grant's, whose accounts carry their epoch's label in
 * their names, and the verifier's.
 */
final class AccountRole {
  /** On each account and binding that was lent at a target; its value is the target's name. */
  static final String LABEL = "exeat.io/target";

  /** An API server makes no token that ends sooner (TokenRequest, spec.expirationSeconds). */
  private static final Duration LEAST = Duration.ofMinutes(10);

  private static final Duration VERIFIER = Duration.ofHours(1);
  static final String NAMESPACE = "kubernetes_namespace";
  private static final ObjectMapper JSON = new ObjectMapper();

  private AccountRole() {}

  static Item of(Grant grant, Grant.Kind.ServiceAccount kind) {
    Map<String, Object> fields =
        common(kind.namespace(), grant.lease(), Wanted.LENT_NAME, Map.of(LABEL, grant.target()));
    fields.put("kubernetes_role_type", "Role");
    fields.put("generated_role_rules", text(kind.rules().stream().map(AccountRole::rule).toList()));
    return new Item(
        Names.check("mount", kind.at().mount()) + "/roles/" + Names.check("grant", grant.name()),
        fields);
  }

  /**
   * Looks for accounts and bindings, ends those that are left, and asks what somebody may do. What
   * it may end is narrowed by an admission policy: RBAC knows no labels.
   */
  static Item verifier(String name, Target.Kubernetes target) {
    Map<String, Object> fields =
        common(
            target.home(),
            VERIFIER,
            Wanted.VERIFIER_NAME,
            Map.of("exeat.io/verifier", target.name()));
    fields.put("kubernetes_role_type", "ClusterRole");
    fields.put(
        "generated_role_rules",
        text(
            List.of(
                rule("", "serviceaccounts", List.of("delete", "list")),
                rule("rbac.authorization.k8s.io", "rolebindings", List.of("delete", "list")),
                rule("authorization.k8s.io", "subjectaccessreviews", List.of("create")))));
    return new Item(
        Names.check("mount", target.mount()) + "/roles/" + Names.check("target", name), fields);
  }

  /** Whether a certificate of one text in PEM is in the other. */
  static boolean haveOneInCommon(String one, String other) {
    Set<Certificate> both = certificates(one);
    both.retainAll(certificates(other));
    return !both.isEmpty();
  }

  private static Set<Certificate> certificates(String pem) {
    try {
      return new HashSet<>(
          CertificateFactory.getInstance("X.509")
              .generateCertificates(new ByteArrayInputStream(pem.getBytes(US_ASCII))));
    } catch (CertificateException e) {
      return new HashSet<>();
    }
  }

  private static Map<String, Object> common(
      String namespace, Duration life, String name, Map<String, String> labels) {
    Map<String, Object> fields = new TreeMap<>();
    fields.put("allowed_kubernetes_namespaces", Set.of(namespace));
    fields.put("allowed_kubernetes_namespace_selector", "");
    fields.put("service_account_name", "");
    fields.put("kubernetes_role_name", "");
    fields.put("token_default_ttl", life);
    fields.put("token_max_ttl", life);
    fields.put("name_template", name);
    fields.put("extra_labels", labels);
    return fields;
  }

  private static Map<String, Object> rule(Grant.Rule rule) {
    Map<String, Object> all = new TreeMap<>();
    all.put("apiGroups", rule.apiGroups());
    all.put("resources", rule.resources());
    all.put("verbs", rule.verbs());
    if (!rule.names().isEmpty()) {
      all.put("resourceNames", rule.names());
    }
    return all;
  }

  private static Map<String, Object> rule(String group, String resource, List<String> verbs) {
    return rule(
        new Grant.Rule(List.of(group), List.of(resource), List.of(), new ArrayList<>(verbs)));
  }

  private static String text(List<Map<String, Object>> rules) {
    try {
      return JSON.writeValueAsString(Map.of("rules", rules));
    } catch (JsonProcessingException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Neither where nor what can be chosen by who asks; only for how long. */
  static String policy(String path, Grant.Kind.ServiceAccount kind) {
    return """
    path "%s" {
      capabilities = ["update"]
      required_parameters = ["kubernetes_namespace", "ttl"]
      allowed_parameters = {
        "kubernetes_namespace" = ["%s"]
        "ttl" = []
      }
    }
    """
        .formatted(path, kind.namespace());
  }

  /**
   * What to ask for an account of a grant.
   *
   * @param left of the epoch; the token may live longer where that is too short for a token, the
   *     account does not
   */
  static Map<String, Object> asking(Grant.Kind.ServiceAccount kind, Duration lease, Duration left) {
    Duration life = left.compareTo(lease) < 0 ? left : lease;
    return Map.of(
        NAMESPACE,
        kind.namespace(),
        "ttl",
        Tokens.wholeSeconds(life.compareTo(LEAST) < 0 ? LEAST : life));
  }

  static Map<String, Object> verifier(Target.Kubernetes target) {
    return Map.of(NAMESPACE, target.home(), "cluster_role_binding", true);
  }
}
