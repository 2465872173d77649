package io.exeat.app;

import static io.exeat.config.Shape.number;
import static io.exeat.config.Shape.path;
import static io.exeat.config.Shape.spiffeId;
import static io.exeat.config.Shape.text;

import io.exeat.config.Section;
import io.exeat.gateway.extauthz.ExtAuthzConfig;
import io.exeat.gateway.grpc.TlsDoorConfig;
import io.exeat.gateway.grpc.UnixDoorConfig;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** Reads {@code ext-authz} of {@code exeat.yaml}: where Envoys ask, and for whom. */
final class ExtAuthzFile {
  private ExtAuthzFile() {}

  static Optional<ExtAuthzConfig> read(Section root) {
    return root.optionalSection("ext-authz").map(ExtAuthzFile::config);
  }

  private static ExtAuthzConfig config(Section section) {
    Optional<String> address = section.one("address", ConfigFile.ADDRESS).optional();
    return new ExtAuthzConfig(
        address.isPresent() ? listen(section, address.get()) : socket(section),
        section.one("agents", ConfigFile.PATTERN).required(),
        section.one("audience", text(255)).optional());
  }

  private static ExtAuthzConfig.Door socket(Section section) {
    return new ExtAuthzConfig.Door.Socket(
        new UnixDoorConfig(
            section.one("path", path()).or(Path.of("/run/exeat-envoy/authz.sock")),
            section.one("group", text(64)).optional()),
        Set.copyOf(section.all("uids", number(0, Integer.MAX_VALUE)).or(List.of(Own.uid()))));
  }

  private static ExtAuthzConfig.Door listen(Section section, String address) {
    Set<io.spiffe.spiffeid.SpiffeId> envoys =
        Set.copyOf(section.all("envoys", spiffeId()).or(List.of()));
    if (envoys.isEmpty()) {
      section.problem("envoys", "must name who may ask at ext-authz.address");
    }
    return new ExtAuthzConfig.Door.Listen(
        new TlsDoorConfig(
            new InetSocketAddress(
                ConfigFile.host(address), ConfigFile.port(section, "address", address)),
            Set.of(),
            section
                .one("max-connection-age", ConfigFile.seconds(10, 86_400))
                .or(TlsDoorConfig.half(Duration.ofHours(1))),
            TlsDoorConfig.AGE_GRACE),
        envoys);
  }
}
