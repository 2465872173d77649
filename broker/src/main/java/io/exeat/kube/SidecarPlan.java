package io.exeat.kube;

/**
 * What the injector adds to every pod, whoever asks.
 *
 * @param trustDomain of the SPIFFE IDs that agents and sidecars have
 * @param image of the sidecar; never a pod's choice
 * @param uid that the sidecar runs as; never an agent's
 * @param group that reaches from the sidecar to its agent, over the sockets
 * @param csiDriver that mounts the Workload API
 * @param workloadSocket the Workload API's file name in that volume
 * @param version written to the pods
 */
public record SidecarPlan(
    String trustDomain,
    String image,
    int uid,
    int group,
    String csiDriver,
    String workloadSocket,
    Form form,
    String version) {

  /** Where the broker of an injected pod is. */
  public sealed interface Form {}

  /**
   * In the pod: the sidecar is the broker.
   *
   * @param configMap its configuration, when the pod names no other
   */
  public record AllInOne(String configMap) implements Form {}

  /**
   * Elsewhere: the sidecar attests and relays, and the pod needs no access to Vault.
   *
   * @param to host and port
   * @param broker its exact SPIFFE ID
   */
  public record Relayed(String to, String broker) implements Form {}
}
