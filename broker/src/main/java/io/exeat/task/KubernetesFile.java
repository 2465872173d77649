package io.exeat.task;

import static java.nio.charset.StandardCharsets.US_ASCII;

import io.exeat.config.Section;
import io.exeat.config.Shape;
import java.io.ByteArrayInputStream;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.time.Duration;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
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

  private static final Set<String> LOOKS = Set.of("get", "list");

  /** Whoever writes these gives somebody rights that do not end with its own. */
  private static final Set<String> LASTING =
      Set.of(
          "serviceaccounts",
          "serviceaccounts/token",
          "secrets",
          "roles",
          "rolebindings",
          "clusterroles",
          "clusterrolebindings");

  /** An API server asks who may once, and leaves such a connection open after that. */
  private static final Set<String> OPEN_ENDED =
      Set.of("exec", "attach", "portforward", "proxy", "log");

  /** Where rights over rights are kept. */
  private static final Set<String> SYSTEM = Set.of("kube-system", "kube-public");

  private static final Shape<String> LABEL =
      Shape.matching(
          Pattern.compile("[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"),
          "a name of 1 to 63 characters of a-z, 0-9 and -, not beginning or ending with -");

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
          "verb", Set.of("get", "list", "create", "update", "patch", "delete", "deletecollection"));

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

  /** An engine works at one cluster: what two targets lent by one would be at the wrong one. */
  static void requireOwnMounts(Map<String, Section> sections, Collection<Target> targets) {
    Set<String> mounts = new HashSet<>();
    for (Target each : targets) {
      if (each instanceof Target.Kubernetes it && !mounts.add(it.mount())) {
        Optional.ofNullable(sections.get(it.name()))
            .ifPresent(at ->
                at.problem(
                    "kubernetes", "has another cluster's mount: each has an engine of its own"));
      }
    }
  }

  static Grant.Kind grant(Section grant, Target.Kubernetes target) {
    Section at = grant.section("kubernetes");
    String namespace = at.one("namespace", LABEL).required();
    if (namespace.equals(target.home()) || SYSTEM.contains(namespace)) {
      at.problem("namespace", "must not be the broker's home, nor the system's");
    }
    List<Grant.Rule> rules = at.listed("rules").stream().map(KubernetesFile::rule).toList();
    if (rules.isEmpty()) {
      at.problem(
          "rules",
          "must have one at least, such as [{api-groups: [\"\"], resources: [pods], verbs:"
              + " [get]}]");
    }
    return new Grant.Kind.ServiceAccount(target, namespace, rules);
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
          "of accounts, their tokens, Secrets, roles and bindings may only be get and list: what it"
              + " makes there outlives it");
    }
    if (rule.resources().stream()
        .anyMatch(it -> OPEN_ENDED.contains(it.substring(it.indexOf('/') + 1)))) {
      at.problem(
          "resources",
          "of exec, attach, portforward, proxy and log stay open after its end, and are not lent");
    }
    return rule;
  }

  private static List<String> sorted(Set<String> names) {
    return names.stream().sorted().toList();
  }

  /** Whether it may do more than look. */
  static boolean writes(Grant.Kind.ServiceAccount kind) {
    return kind.rules().stream().anyMatch(rule -> !LOOKS.containsAll(rule.verbs()));
  }

  /** Its token is not renewed: it lives for as long as it says at first. */
  static Duration lease(Section grant) {
    return grant.one("lease", Shape.duration(SHORTEST, LONGEST)).or(SHORTEST);
  }
}
