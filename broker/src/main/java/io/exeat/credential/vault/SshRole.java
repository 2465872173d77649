package io.exeat.credential.vault;

import io.exeat.task.Grant;
import java.time.Duration;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;

/**
 * The role of a grant in the SSH engine: exactly its accounts, for no longer than it says; and who
 * signs may choose the key and the time alone.
 */
final class SshRole {
  /** For hosts whose clock is behind. */
  static final Duration BACKDATED = Duration.ofSeconds(30);

  /** The critical option with the only command (OpenSSH, PROTOCOL.certkeys). */
  static final String COMMAND = "force-command";

  private SshRole() {}

  static Item of(Grant grant, Grant.Kind.SshCertificate kind) {
    return new Item(
        Names.check("mount", kind.at().mount()) + "/roles/" + Names.check("grant", grant.name()),
        Map.ofEntries(
            Map.entry("key_type", "ca"),
            Map.entry("allow_user_certificates", true),
            Map.entry("allow_host_certificates", false),
            Map.entry("allowed_users", users(kind)),
            Map.entry("allowed_users_template", false),
            Map.entry("default_user", ""),
            Map.entry("default_user_template", false),
            Map.entry("allow_empty_principals", false),
            Map.entry("allow_user_key_ids", false),
            Map.entry("key_id_format", "{{token_display_name}}"),
            Map.entry("ttl", grant.lease()),
            Map.entry("max_ttl", grant.lease()),
            Map.entry("not_before_duration", BACKDATED),
            Map.entry("default_extensions", extensions(kind)),
            Map.entry("default_extensions_template", false),
            Map.entry("default_critical_options", options(kind))));
  }

  /** Neither extensions nor critical options can be asked for: they are the role's. */
  static String policy(String path, Grant.Kind.SshCertificate kind) {
    return """
    path "%s" {
      capabilities = ["update"]
      required_parameters = ["public_key", "ttl", "valid_principals"]
      allowed_parameters = {
        "public_key" = []
        "ttl" = []
        "valid_principals" = ["%s"]
      }
    }
    """
        .formatted(path, users(kind));
  }

  static String users(Grant.Kind.SshCertificate kind) {
    return String.join(",", new TreeSet<>(kind.users()));
  }

  static Map<String, String> extensions(Grant.Kind.SshCertificate kind) {
    return new TreeMap<>(
        kind.extensions().stream().collect(Collectors.toMap(each -> each, _ -> "")));
  }

  static Map<String, String> options(Grant.Kind.SshCertificate kind) {
    return kind.command().map(only -> Map.of(COMMAND, only)).orElse(Map.of());
  }
}
