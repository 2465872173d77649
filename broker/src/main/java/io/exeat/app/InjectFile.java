package io.exeat.app;

import static io.exeat.config.Shape.matching;
import static io.exeat.config.Shape.number;
import static io.exeat.config.Shape.path;
import static io.exeat.config.Shape.spiffeId;
import static io.exeat.config.Shape.text;

import io.exeat.config.Section;
import io.exeat.config.Settings;
import io.exeat.config.Shape;
import io.exeat.identity.IdentityConfig;
import io.exeat.kube.InjectConfig;
import io.exeat.kube.SidecarPlan;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;

/** Reads {@code inject.yaml} and the environment, strictly, every problem at once. */
final class InjectFile {
  private static final Path SYSTEM = Path.of("/etc/exeat/inject.yaml");
  private static final int ABOVE_SYSTEM = 1000;
  private static final int SIDECAR = 64_001;
  private static final int GROUP = 64_002;

  private static final Shape<String> LABEL =
      matching(
          Pattern.compile("[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"),
          "a name of 1 to 63 characters of a-z, 0-9 and -");
  private static final Shape<String> SUBDOMAIN =
      matching(
          Pattern.compile("[a-z0-9]([a-z0-9.-]{0,240}[a-z0-9])?"),
          "a name of 1 to 242 characters of a-z, 0-9, - and .");
  private static final Shape<String> TRUST_DOMAIN =
      matching(Pattern.compile("[a-z0-9._-]{1,255}"), "a trust domain, such as example.org");
  private static final Shape<String> IMAGE =
      matching(
          Pattern.compile("[a-z0-9][A-Za-z0-9._:/-]{0,400}(@sha256:[0-9a-f]{64})?"),
          "an image, best with its digest");
  private static final Shape<String> ADDRESS =
      matching(
          Pattern.compile("([A-Za-z0-9.-]{1,253}|\\[[0-9a-fA-F:]{2,39}]):[0-9]{1,5}"),
          "<host>:<port>");
  private static final Shape<String> API_SERVER =
      matching(
          Pattern.compile("https://([A-Za-z0-9.-]{1,253}|\\[[0-9a-fA-F:]{2,39}])(:[0-9]{1,5})?"),
          "https://<host> or https://<host>:<port>");

  private InjectFile() {}

  /**
   * The file that {@code named} names, else EXEAT_CONFIG, else {@code /etc/exeat/inject.yaml}.
   *
   * @throws io.exeat.config.ConfigException with every problem
   */
  static InjectConfig read(Optional<Path> named, Map<String, String> environment) {
    Path file =
        named
            .or(() -> Optional.ofNullable(environment.get("EXEAT_CONFIG")).map(Path::of))
            .orElse(SYSTEM);
    return read(Settings.read(file, environment));
  }

  static InjectConfig read(Settings settings) {
    Section root = settings.root();
    InjectConfig config =
        new InjectConfig(
            new InetSocketAddress(root.one("port", number(0, 65_535)).or(9443)),
            certificate(root.section("certificate")),
            root.one("namespace", LABEL).required(),
            sidecar(root.section("sidecar")));
    settings.finish();
    return config;
  }

  private static InjectConfig.Certificate certificate(Section section) {
    return section.mode(
        "mode",
        "files",
        Map.of(
            "files",
            s ->
                new InjectConfig.Files(
                    s.one("chain", path()).or(Path.of("/run/exeat/tls/tls.crt")),
                    s.one("key", path()).or(Path.of("/run/exeat/tls/tls.key"))),
            "svid",
            s ->
                new InjectConfig.OwnSvid(
                    new IdentityConfig(
                        s.one("workload-api", path())
                            .or(Path.of("/run/spire/agent/spire-agent.sock")),
                        s.one("id", spiffeId()).required(),
                        s.one("hint", text(64)).or(""),
                        Duration.ofSeconds(30)),
                    s.optionalSection("registration").map(InjectFile::registration))));
  }

  private static InjectConfig.Registration registration(Section section) {
    return new InjectConfig.Registration(
        section.one("webhook", SUBDOMAIN).required(),
        URI.create(section.one("api-server", API_SERVER).or("https://kubernetes.default.svc")),
        section.one("account", path()).or(Path.of("/run/exeat/account")));
  }

  private static SidecarPlan sidecar(Section section) {
    return new SidecarPlan(
        section.one("trust-domain", TRUST_DOMAIN).required(),
        section.one("image", IMAGE).required(),
        section.one("uid", number(ABOVE_SYSTEM, 999_999_999)).or(SIDECAR),
        section.one("group", number(ABOVE_SYSTEM, 999_999_999)).or(GROUP),
        section.one("csi-driver", SUBDOMAIN).or("csi.spiffe.io"),
        section.one("workload-socket", SUBDOMAIN).or("spire-agent.sock"),
        form(section),
        Own.version());
  }

  private static SidecarPlan.Form form(Section section) {
    Optional<Section> relay = section.optionalSection("relay");
    if (relay.isPresent()) {
      return new SidecarPlan.Relayed(
          relay.get().one("to", ADDRESS).required(),
          relay.get().one("broker", spiffeId()).required().toString());
    }
    return new SidecarPlan.AllInOne(section.one("config-map", SUBDOMAIN).or("exeat"));
  }
}
