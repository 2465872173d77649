package io.exeat.task;

import io.exeat.config.Section;
import io.exeat.config.Settings;
import io.exeat.config.Shape;
import io.exeat.config.Value;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Reads {@code catalogue.yaml} (schema: {@code io/exeat/config/catalogue.schema.json}): whole, or
 * refused with every problem in it. Names are ASCII and short, because they come to stand in Vault
 * paths, policies and SQL.
 */
public final class CatalogueFile {
  private static final Shape<String> HOST =
      Shape.matching(
          Pattern.compile("[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?|[0-9a-fA-F:]{2,39}"),
          "a host name or an IP address");
  private static final Shape<String> RECALL = Shape.nameOf("recall", Set.of("none"));
  private static final Shape<String> PARAMETER =
      Shape.matching(
          Pattern.compile("[a-z][a-z0-9_-]{0,62}"),
          "a name of 1 to 63 characters of a-z, 0-9, _ and -, beginning with a-z");

  private final Section root;
  private final Optional<ApproverDoors> doors;

  private CatalogueFile(Section root, Optional<ApproverDoors> doors) {
    this.root = root;
    this.doors = doors;
  }

  /**
   * The catalogue in {@code file}, for somebody who decides nothing by it.
   *
   * @throws io.exeat.config.ConfigException with every problem in it
   */
  public static Catalogue read(Path file) {
    return read(Settings.read(file, Map.of()), Optional.empty());
  }

  /**
   * The catalogue in {@code file}, for a broker.
   *
   * @param doors its own
   * @throws io.exeat.config.ConfigException with every problem in it
   */
  public static Catalogue read(Path file, ApproverDoors doors) {
    return read(Settings.read(file, Map.of()), Optional.of(doors));
  }

  /**
   * The catalogue in {@code yaml}.
   *
   * @param source what to call it in messages
   * @throws io.exeat.config.ConfigException with every problem in it
   */
  public static Catalogue parse(String source, byte[] yaml) {
    return read(Settings.parse(source, yaml, Map.of()), Optional.empty());
  }

  static Catalogue read(Settings settings, Optional<ApproverDoors> doors) {
    Catalogue catalogue = new CatalogueFile(settings.root(), doors).catalogue();
    settings.finish();
    return catalogue;
  }

  private Catalogue catalogue() {
    root.one("version", Shape.number(1, 1)).required();
    Map<String, Section> intentSections = root.named("intents", Shape.name());
    Map<String, Section> targetSections = root.named("targets", Shape.name());
    Map<String, Section> grantSections = root.named("grants", Shape.name());
    Map<String, Target> targets = new LinkedHashMap<>();
    targetSections.forEach((name, section) -> target(name, section, targets));
    KubernetesFile.requireOwnMounts(targetSections, targets.values());
    Map<String, Grant> grants = new LinkedHashMap<>();
    grantSections.forEach(
        (name, section) -> grants.put(name, grant(name, section, targetSections, targets)));
    Map<String, Intent> intents = new LinkedHashMap<>();
    intentSections.forEach((name, section) -> intents.put(name, intent(name, section)));
    Map<String, AgentEntry> agents =
        new AgentFile(grantSections.keySet(), intentSections.keySet(), doors).read(root);
    UpstreamFile upstreams = new UpstreamFile(root, grants, tools());
    return new Catalogue(
        targets, upstreams.grants(), intents, agents, upstreams.tools(), upstreams.entries());
  }

  private static void target(String name, Section section, Map<String, Target> targets) {
    String environment = section.one("environment", Shape.name()).required();
    Optional<Section> postgres = section.optionalSection("postgres");
    Optional<Section> pki = section.optionalSection("pki");
    Optional<Section> ssh = section.optionalSection("ssh");
    Optional<Section> kubernetes = section.optionalSection("kubernetes");
    Optional<Section> service = section.optionalSection("service");
    if (Stream.of(postgres, pki, ssh, kubernetes, service).filter(Optional::isPresent).count()
        != 1) {
      section.problem(
          "postgres",
          "a target says what it is: one of postgres, pki, ssh, kubernetes and service");
      return;
    }
    if (kubernetes.isPresent()) {
      targets.put(name, KubernetesFile.target(name, environment, kubernetes.get(), HOST));
      return;
    }
    if (ssh.isPresent()) {
      targets.put(name, SshFile.target(name, environment, ssh.get(), HOST));
      return;
    }
    if (pki.isPresent()) {
      targets.put(name, CertificateFile.target(name, environment, pki.get(), HOST));
      return;
    }
    if (service.isPresent()) {
      String host = service.get().one("host", HOST).required();
      targets.put(name, new Target.Service(name, environment, host));
      return;
    }
    targets.put(name, PostgresFile.target(name, environment, postgres.get(), HOST));
  }

  private static Grant grant(
      String name, Section section, Map<String, Section> named, Map<String, Target> targets) {
    String target = section.one("target", Shape.nameOf("target", named.keySet())).required();
    Set<String> actions = atLeastOne(section, "actions", Shape.name());
    Grant.Kind kind = kind(section, targets.get(target));
    if (actions.equals(Set.of(Grant.READ)) && writes(kind)) {
      section.problem("actions", "says only read, and what it may do writes");
    }
    Grant.Delivery delivery =
        section.one("delivery", Shape.oneOf(Grant.Delivery.class)).or(Grant.Delivery.PROXIED);
    if (kind instanceof Grant.Kind.Nothing && delivery == Grant.Delivery.RAW) {
      section.problem("delivery", "must be proxied: at a service nothing is lent");
    }
    if (isCertificate(kind) && delivery == Grant.Delivery.PROXIED) {
      section.problem("delivery", "must be raw: no proxy shows a certificate yet");
    }
    recall(section, kind);
    return new Grant(
        name,
        target,
        actions,
        section.one("data-class", Shape.name()).required(),
        Set.copyOf(section.all("tools", toolName()).or(List.of())),
        delivery,
        lease(section, kind),
        budget(section, Budget.OF_A_GRANT),
        kind);
  }

  private static boolean isCertificate(Grant.Kind kind) {
    return kind instanceof Grant.Kind.Certificate || kind instanceof Grant.Kind.SshCertificate;
  }

  /** What cannot be taken back is lent by nobody who has not said so. */
  private static void recall(Section section, Grant.Kind kind) {
    boolean none = section.one("recall", RECALL).optional().isPresent();
    if (kind instanceof Grant.Kind.SshCertificate && !none) {
      section.problem(
          "recall",
          "must be none: nobody can take a signed SSH certificate back, it works until it ends");
    } else if (none && !(kind instanceof Grant.Kind.SshCertificate)) {
      section.problem("recall", "must be left out: what is lent here is taken back");
    }
  }

  private static Duration lease(Section section, Grant.Kind kind) {
    return switch (kind) {
      case Grant.Kind.Certificate _ -> CertificateFile.lease(section);
      case Grant.Kind.SshCertificate _ -> SshFile.lease(section);
      case Grant.Kind.ServiceAccount _ -> KubernetesFile.lease(section);
      case Grant.Kind.Postgres _, Grant.Kind.Nothing _ ->
          section
              .one("lease", Shape.duration(Duration.ofSeconds(5), Duration.ofHours(1)))
              .or(Duration.ofSeconds(60));
    };
  }

  /** A target that could not be read is a problem already: what its grants say is read as most. */
  private static Grant.Kind kind(Section section, @Nullable Target target) {
    return switch (target) {
      case null -> PostgresFile.grant(section);
      case Target.Postgres _ -> PostgresFile.grant(section);
      case Target.Pki pki -> CertificateFile.grant(section, pki);
      case Target.Ssh ssh -> SshFile.grant(section, ssh);
      case Target.Kubernetes kubernetes -> KubernetesFile.grant(section, kubernetes);
      case Target.Service _ -> new Grant.Kind.Nothing();
    };
  }

  private static boolean writes(Grant.Kind kind) {
    return switch (kind) {
      // Only its server knows.
      case Grant.Kind.Nothing _, Grant.Kind.Certificate _, Grant.Kind.SshCertificate _ -> false;
      case Grant.Kind.ServiceAccount account -> KubernetesFile.writes(account);
      case Grant.Kind.Postgres postgres ->
          postgres.privileges().stream().anyMatch(it -> !it.rights().equals(Set.of("SELECT")));
    };
  }

  private Map<String, Tool> tools() {
    Map<String, Tool> tools = new LinkedHashMap<>();
    root.named("tools", toolName())
        .forEach((name, section) -> tools.put(name, tool(name, section)));
    return tools;
  }

  static Tool tool(String name, Section section) {
    return new Tool(
        name,
        section.one("step", Shape.oneOf(Step.class)).required(),
        section.one("reads-outside", Shape.flag()).or(false),
        section.one("destination", HOST).optional(),
        section.one("risk", Shape.number(0, 100)).or(Tool.UNKNOWN_RISK));
  }

  private static Intent intent(String name, Section section) {
    String description = section.one("description", Shape.text(500)).required();
    Map<String, Pattern> patterns = new HashMap<>();
    Set<String> required = new HashSet<>();
    section
        .named("parameters", PARAMETER)
        .forEach((parameter, at) -> {
          patterns.put(parameter, at.one("pattern", Shape.pattern(200)).required());
          if (at.one("required", Shape.flag()).or(true)) {
            required.add(parameter);
          }
        });
    return new Intent(name, description, patterns, required);
  }

  static Budget budget(Section section, Budget usual) {
    return new Budget(
        section.one("max-open-tasks", Shape.number(1, 100_000)).or(usual.openTasks()),
        section.one("max-live-credentials", Shape.number(1, 100_000)).or(usual.liveCredentials()),
        section.one("max-issues-per-minute", Shape.number(1, 100_000)).or(usual.issuesPerMinute()));
  }

  static Set<String> atLeastOne(Section section, String key, Shape<String> shape) {
    Value<List<String>> values = section.all(key, shape);
    if (values.optional().map(List::isEmpty).orElse(false)) {
      section.problem(key, "must have at least one, each " + shape.allowed());
    }
    return Set.copyOf(values.required());
  }

  private static Shape<String> toolName() {
    return Shape.matching(
        Pattern.compile("[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}"),
        "a tool name of 1 to 128 characters of A-Z, a-z, 0-9, _, . and -, not beginning with . or"
            + " -");
  }
}
