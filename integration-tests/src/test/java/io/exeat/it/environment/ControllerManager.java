package io.exeat.it.environment;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.Stream;

/** A real spire-controller-manager, without its webhook, which refuses what is no SPIFFE ID. */
public final class ControllerManager implements AutoCloseable {
  private final Process process;

  private ControllerManager(Process process) {
    this.process = process;
  }

  /** Beside SPIRE's own. */
  public static Optional<Path> binary() {
    return Spire.binaries()
        .map(it -> it.resolve("spire-controller-manager"))
        .filter(Files::isExecutable);
  }

  /** The definitions of its kinds, a document each: its own where {@code SPIRE_CRDS} has them. */
  public static List<String> kinds() throws IOException {
    Optional<Path> own = Binaries.environment("SPIRE_CRDS").map(Path::of);
    if (own.isPresent()) {
      List<String> all = new ArrayList<>();
      try (Stream<Path> files = Files.list(own.get())) {
        for (Path file : files.filter(it -> it.toString().endsWith(".yaml")).sorted().toList()) {
          all.addAll(Manifests.all(Files.readString(file)));
        }
      }
      return all;
    }
    try (InputStream in =
        Objects.requireNonNull(
            ControllerManager.class.getResourceAsStream("/kubernetes/spire-crds.yaml"))) {
      return Manifests.all(new String(in.readAllBytes(), StandardCharsets.UTF_8));
    }
  }

  /**
   * Starts one, which takes a moment to do something.
   *
   * @param server SPIRE's socket
   * @param className of the objects that it looks at; those without any where it is empty
   */
  static ControllerManager start(
      Path binary, Path folder, Path kubeconfig, Path server, String className) throws IOException {
    Path config =
        Files.writeString(
            folder.resolve("controller.yaml"),
            """
            apiVersion: spire.spiffe.io/v1alpha1
            kind: ControllerManagerConfig
            metrics: {bindAddress: "0"}
            health: {healthProbeBindAddress: "0"}
            leaderElection: {leaderElect: false}
            clusterName: example
            clusterDomain: cluster.local
            trustDomain: example.org
            spireServerSocketPath: %s
            ignoreNamespaces: [kube-system, kube-public]
            %s
            """
                .formatted(server, className.isEmpty() ? "" : "className: " + className));
    ControllerManager made =
        new ControllerManager(
            Processes.start(
                List.of(
                    "env",
                    "ENABLE_WEBHOOKS=false",
                    "KUBECONFIG=" + kubeconfig,
                    binary.toString(),
                    "-config",
                    config.toString()),
                folder.resolve("controller.log")));
    Runtime.getRuntime().addShutdownHook(new Thread(made::close));
    return made;
  }

  @Override
  public void close() {
    Processes.end(process, "TERM");
  }
}
