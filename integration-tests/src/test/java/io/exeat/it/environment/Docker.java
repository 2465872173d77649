package io.exeat.it.environment;

import com.github.dockerjava.api.model.AccessMode;
import com.github.dockerjava.api.model.Bind;
import com.github.dockerjava.api.model.HostConfig;
import com.github.dockerjava.api.model.Volume;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.testcontainers.DockerClientFactory;
import org.testcontainers.containers.GenericContainer;
import org.testcontainers.images.builder.ImageFromDockerfile;

/**
 * Static programs of this host in an image of nothing, so that no registry is asked for anything.
 */
public final class Docker {
  private static final String IMAGE = "exeat-test-nothing";
  private static final Path SOCKET = Path.of("/var/run/docker.sock");

  private Docker() {}

  /** An engine that answers. */
  public static Optional<Docker> engine() {
    boolean named = Binaries.environment("DOCKER_HOST").isPresent();
    return (named || listens()) && DockerClientFactory.instance().isDockerAvailable()
        ? Optional.of(new Docker())
        : Optional.empty();
  }

  /** Asked first, because Testcontainers says at length what it does not find. */
  private static boolean listens() {
    try (SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX)) {
      return channel.connect(UnixDomainSocketAddress.of(SOCKET));
    } catch (IOException e) {
      return false;
    }
  }

  /** Runs it on this host's network, as the folder's owner, with the folder at the same path. */
  static AutoCloseable run(Path program, Path folder, String... words) {
    GenericContainer<?> container =
        new GenericContainer<>(
                new ImageFromDockerfile(IMAGE, false)
                    .withFileFromString("Dockerfile", "FROM scratch\nENTRYPOINT [\"/program\"]\n"))
            .withCommand(words)
            .withCreateContainerCmdModifier(command ->
                command
                    .withUser(owner(folder))
                    .withHostConfig(
                        HostConfig.newHostConfig()
                            .withNetworkMode("host")
                            .withBinds(
                                new Bind(program.toString(), new Volume("/program"), AccessMode.ro),
                                new Bind(folder.toString(), new Volume(folder.toString())))));
    container.start();
    return () -> {
      container.stop();
      var _ = DockerClientFactory.instance().client().removeImageCmd(IMAGE).exec();
    };
  }

  private static String owner(Path folder) {
    try {
      return Files.getAttribute(folder, "unix:uid") + ":" + Files.getAttribute(folder, "unix:gid");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
