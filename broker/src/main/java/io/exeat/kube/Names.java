package io.exeat.kube;

/** What the injector calls its own things in a pod. */
final class Names {
  /** The sidecar's container. The ClusterSPIFFEID of the broker has it too. */
  static final String SIDECAR = "exeat";

  static final String SPIFFE = "exeat-spiffe";
  static final String ADMIN = "exeat-admin";
  static final String STATE = "exeat-state";
  static final String TEMPORARY = "exeat-tmp";
  static final String CONFIG = "exeat-config";
  static final String POLICIES = "exeat-policies";

  /** Where an agent's container finds its socket's volume. */
  static final String IN_AGENT = "/run/exeat";

  /** Where an agent's container finds room for files that no disk sees. */
  static final String FILES_IN_AGENT = "/run/exeat-files";

  /** The folder of the sidecar's own in a volume that the kubelet made for everybody. */
  static final String DOOR = "door";

  private static final String AGENT = "exeat-agent-";
  private static final String FILES = "exeat-files-";

  private Names() {}

  /** The volume of one agent container's socket. */
  static String agent(int number) {
    return AGENT + number;
  }

  /** The volume of one agent container's files, which the sidecar does not mount. */
  static String files(int number) {
    return FILES + number;
  }

  static boolean isOurs(String volume) {
    return volume.startsWith("exeat-");
  }

  /** Whether an injection before this one may have made a volume of this name. */
  static boolean isInjected(String volume) {
    return switch (volume) {
      case SPIFFE, ADMIN, STATE, TEMPORARY, CONFIG, POLICIES -> true;
      default -> volume.matches("(" + AGENT + "|" + FILES + ")[0-7]");
    };
  }
}
