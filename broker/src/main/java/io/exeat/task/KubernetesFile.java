package io.exeat.task;

import static java.nio.charset.StandardCharsets.US_ASCII;

import io.exeat.config.Section;
import io.exeat.config.Shape;
import java.io.ByteArrayInputStream;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;

/**
 * Reads what the catalogue says of Kubernetes: the target's {@code kubernetes}, and the grant's.
 */
final class KubernetesFile {
  /** An API server makes no token that ends sooner (TokenRequest, spec.expirationSeconds). */
  private static final Duration SHORTEST = Duration.ofMinutes(10);

  private static final Duration LONGEST = Duration.ofHours(1);

  private static final Set<String> LOOKS = Set.of("get", "list", "watch");

  /** Whoever writes these gives somebody rights that do not end with its own. */
  private static final Set<String> LASTING = Set.of("serviceaccounts", "serviceaccounts/token");

  private static final Shape<String> LABEL =
      Shape.matching(
          Pattern.compile("[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"),
          "a name of 1 to 63 characters of a-z, 0-9 and -, not beginning or ending with -");

  private static final Shape<String> ROLE =
      Shape.matching(
          Pattern.compile("[A-Za-z0-9]([A-Za-z0-9:._-]{0,251}[A-Za-z0-9])?"),
          "the name of a ClusterRole");

  private static final Shape<String> GROUP =
      Shape.matching(
          Pattern.compile("|[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?"),
          "an API group such as apps, or \"\" for the core group; * is not taken");

  private static final Shape<String> RESOURCE =
      Shape.matching(
          Pattern.compile("[a-z0-9]{1,63}(/[a-z]{1,63})?"),
          "a resource such as pods or pods/log; * is not taken");

  private static final Shape<String> OBJECT =
      Shape.matching(
          Pattern.compile("[A-Za-z0-9]([A-Za-z0-9:._-]{0,251}[A-Za-z0-9])?"),
          "the name of an object");

  private static final Shape<String> VERB =
      Shape.nameOf(
          "verb",
          Set.of(
              "get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"));

  private static final Shape<String> AUTHORITIES =
      new Shape<>(
          "one certificate or more in PEM, 64 KiB at most",
          "",
          false,
          text -> Optional.of(text).filter(KubernetesFile::isCertificates));

  private KubernetesFile() {}

  private static boolean isCertificates(String text) {
    if (text.length() > 1 << 16) {
      return false;
    }
    try {
      return !CertificateFactory.getInstance("X.509")
          .generateCertificates(new ByteArrayInputStream(text.getBytes(US_ASCII)))
          .isEmpty();
    } catch (CertificateException e) {
      return false;
    }
  }

  static Target.Kubernetes target(String name, String environment, Section at, Shape<String> host) {
    return new Target.Kubernetes(
        name,
        environment,
        at.one("host", host).required(),
        at.one("port", Shape.number(1, 65_535)).or(6443),
        at.one("ca", AUTHORITIES).required(),
        at.one("mount", Shape.name()).or("kubernetes"),
        at.one("home", LABEL).or("exeat"));
  }

  static Grant.Kind grant(Section grant, Target.Kubernetes target) {
    Section at = grant.section("kubernetes");
    String namespace = at.one("namespace", LABEL).required();
    Optional<String> role = at.one("cluster-role", ROLE).optional();
    List<Grant.Rule> rules = at.listed("rules").stream().map(KubernetesFile::rule).toList();
    if (role.isPresent() == !rules.isEmpty()) {
      at.problem("rules", "a grant says what it may do: by rules, or by an existing cluster-role");
    }
    return new Grant.Kind.ServiceAccount(
        target,
        namespace,
        role.<Grant.Rights>map(Grant.Rights.Existing::new)
            .orElseGet(() -> new Grant.Rights.Rules(rules)));
  }

  private static Grant.Rule rule(Section at) {
    Grant.Rule rule =
        new Grant.Rule(
            sorted(CatalogueFile.atLeastOne(at, "api-groups", GROUP)),
            sorted(CatalogueFile.atLeastOne(at, "resources", RESOURCE)),
            sorted(new HashSet<>(at.all("names", OBJECT).or(List.of()))),
            sorted(CatalogueFile.atLeastOne(at, "verbs", VERB)));
    if (!LOOKS.containsAll(rule.verbs())
        && (rule.apiGroups().contains("rbac.authorization.k8s.io")
            || rule.resources().stream().anyMatch(LASTING::contains))) {
      at.problem(
          "verbs",
          "of accounts, their tokens, roles and bindings may only be get, list and watch: what it"
              + " makes there outlives it");
    }
    return rule;
  }

  private static List<String> sorted(Set<String> names) {
    return names.stream().sorted().toList();
  }

  /** Whether the rights are known to do more than look. */
  static boolean writes(Grant.Kind.ServiceAccount kind) {
    return kind.rights() instanceof Grant.Rights.Rules rules
        && rules.all().stream().anyMatch(rule -> !LOOKS.containsAll(rule.verbs()));
  }

  /** Its token is not renewed: it lives for as long as it says at first. */
  static Duration lease(Section grant) {
    return grant.one("lease", Shape.duration(SHORTEST, LONGEST)).or(SHORTEST);
  }
}
