package io.exeat.kube;

import io.exeat.identity.IdentityConfig;
import java.net.InetSocketAddress;
import java.nio.file.Path;

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
  public record OwnSvid(IdentityConfig identity) implements Certificate {}
}
