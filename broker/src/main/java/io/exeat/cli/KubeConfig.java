package io.exeat.cli;

import static java.nio.charset.StandardCharsets.US_ASCII;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import io.exeat.v1.Credential;
import io.exeat.v1.ServiceAccount;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** A service account as {@code kubectl --kubeconfig} takes it (Config of v1, in JSON). */
final class KubeConfig {
  private static final ObjectMapper JSON =
      new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT);
  private static final String NAME = "exeat";

  private KubeConfig() {}

  static String of(ServiceAccount it) {
    Map<String, Object> cluster = new TreeMap<>();
    cluster.put("server", server(it));
    cluster.put(
        "certificate-authority-data",
        Base64.getEncoder().encodeToString(it.getCertificateAuthority().getBytes(US_ASCII)));
    Map<String, Object> config = new TreeMap<>();
    config.put("apiVersion", "v1");
    config.put("kind", "Config");
    config.put("clusters", List.of(Map.of("name", NAME, "cluster", cluster)));
    config.put(
        "users", List.of(Map.of("name", it.getName(), "user", Map.of("token", it.getToken()))));
    config.put(
        "contexts",
        List.of(
            Map.of(
                "name",
                NAME,
                "context",
                Map.of("cluster", NAME, "user", it.getName(), "namespace", it.getNamespace()))));
    config.put("current-context", NAME);
    try {
      return JSON.writeValueAsString(config) + "\n";
    } catch (JsonProcessingException e) {
      throw new IllegalStateException(e);
    }
  }

  private static String server(ServiceAccount it) {
    String host = it.getHost().contains(":") ? "[" + it.getHost() + "]" : it.getHost();
    return "https://" + host + ":" + it.getPort();
  }

  static void print(Session session, Credential.Builder shown, boolean show) {
    ServiceAccount it = shown.getServiceAccount();
    session.out().println("cluster     " + server(it));
    session.out().println("account     " + it.getNamespace() + "/" + it.getName());
    session
        .out()
        .println("token       " + (show ? it.getToken() : "(not shown: --show or --out FILE)"));
    session
        .out()
        .println(
            "not renewed: it expires at "
                + Text.instant(shown.getExpiresAt())
                + "; it ends with its task before that");
  }
}
