package io.exeat.kube;

import io.exeat.identity.IdentityConfig;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.file.Path;
import java.util.Optional;

/**
 * All of {@code inject.yaml}.
 *
 * @param ownNamespace where the injector runs: nothing there is ever injected
 */
public record InjectConfig(
    InetSocketAddress listen, Certificate certificate, String ownNamespace, SidecarPlan sidecar) {

  /** Where the webhook's certificate comes from. */
  public sealed interface Certificate {}

  /**
   * Two PEM files that somebody replaces, such as cert-manager in a mounted Secret.
   *
   * @param chain leaf first
   * @param key PKCS #8, not encrypted
   */
  public record Files(Path chain, Path key) implements Certificate {}

  /**
   * The injector's own X.509-SVID. Its entry needs the Service's DNS names, and the webhook's
   * {@code caBundle} is the trust bundle.
   */
  public record OwnSvid(IdentityConfig identity, Optional<Registration> registration)
      implements Certificate {}

  /**
   * The webhook configuration whose {@code caBundle} the injector keeps.
   *
   * @param webhook its name; the injector may {@code get} and {@code patch} it
   * @param apiServer without a path
   * @param account the folder with {@code token} and the API server's {@code ca.crt}
   */
  public record Registration(String webhook, URI apiServer, Path account) {}
}
