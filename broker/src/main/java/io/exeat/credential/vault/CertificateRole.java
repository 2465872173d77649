package io.exeat.credential.vault;

import io.exeat.task.Grant;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * The role of a grant in the PKI engine: exactly its names, TLS clients alone, one lease for each
 * certificate. Without the lease nothing would end one.
 */
final class CertificateRole {
  /** For those who check certificates and whose clock is behind. */
  private static final Duration BACKDATED = Duration.ofSeconds(30);

  private CertificateRole() {}

  static Item of(Grant grant, Grant.Kind.Certificate kind) {
    return new Item(
        Names.check("mount", kind.at().mount()) + "/roles/" + Names.check("grant", grant.name()),
        Map.ofEntries(
            Map.entry("issuer_ref", kind.at().issuer()),
            Map.entry("generate_lease", true),
            Map.entry("no_store", false),
            Map.entry("ttl", grant.lease()),
            Map.entry("max_ttl", grant.lease()),
            Map.entry("not_before_duration", BACKDATED),
            Map.entry("key_type", kind.key().type()),
            Map.entry("key_bits", Integer.toString(kind.key().bits())),
            Map.entry("allowed_domains", kind.names()),
            Map.entry("allow_bare_domains", true),
            Map.entry("allow_subdomains", false),
            Map.entry("allow_glob_domains", false),
            Map.entry("allow_wildcard_certificates", false),
            Map.entry("allow_any_name", false),
            Map.entry("allow_localhost", false),
            Map.entry("allow_ip_sans", false),
            Map.entry("allowed_domains_template", false),
            Map.entry("allowed_uri_sans", kind.uris()),
            Map.entry("allowed_uri_sans_template", false),
            Map.entry("allowed_other_sans", Set.of()),
            Map.entry("allowed_user_ids", Set.of()),
            Map.entry("allowed_serial_numbers", Set.of()),
            Map.entry("enforce_hostnames", true),
            Map.entry("require_cn", false),
            Map.entry("use_csr_common_name", false),
            Map.entry("use_csr_sans", false),
            Map.entry("client_flag", true),
            Map.entry("server_flag", false),
            Map.entry("code_signing_flag", false),
            Map.entry("email_protection_flag", false),
            Map.entry("key_usage", List.of("DigitalSignature")),
            Map.entry("ext_key_usage", List.of())));
  }
}
