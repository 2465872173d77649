package io.exeat.it.environment;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.exeat.it.Needs;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/**
 * A real cluster at which a real OpenBao lends service accounts, as an administrator makes it: by
 * {@code deploy/kubernetes/service-accounts.yaml}. It has a namespace {@code shop}.
 */
public final class LendingCluster implements AutoCloseable {
  private static final ObjectMapper JSON = new ObjectMapper();

  private final Kubernetes api;

  private LendingCluster(Kubernetes api) {
    this.api = api;
  }

  /** Skips the test where a part is missing. Vault has the engine at {@code kubernetes/} then. */
  public static LendingCluster start(OpenBao vault, Path folder) throws Exception {
    Path binaries = Needs.part("kubernetes", Kubernetes.binaries());
    Kubernetes api = Kubernetes.start(binaries, folder);
    LendingCluster cluster = new LendingCluster(api);
    try {
      for (String document :
          Manifests.documents(
              Files.readString(
                  Packaged.root().resolve("deploy/kubernetes/service-accounts.yaml")))) {
        cluster.apply(document);
      }
      ObjectNode shop = JSON.createObjectNode();
      shop.putObject("metadata").put("name", "shop");
      var _ = cluster.done(api.create("/api/v1/namespaces", shop));
      var _ = vault.call("POST", "sys/mounts/kubernetes", Map.of("type", "kubernetes"));
      var _ =
          vault.call(
              "POST",
              "kubernetes/config",
              Map.of(
                  "kubernetes_host",
                  "https://127.0.0.1:" + api.port(),
                  "kubernetes_ca_cert",
                  api.authorities(),
                  "service_account_jwt",
                  api.tokenOf("exeat", "vault"),
                  "disable_local_ca_jwt",
                  true));
      return cluster;
    } catch (Exception | Error e) {
      api.close();
      throw e;
    }
  }

  /** To be asked as its administrator. */
  public Kubernetes api() {
    return api;
  }

  /** Server-side apply of one document, in its namespace if it has one. */
  public void apply(String document) {
    var _ = done(Manifests.apply(api, document, ""));
  }

  /** The names of the accounts in {@code shop}. */
  public List<String> accounts() {
    return api.get("/api/v1/namespaces/shop/serviceaccounts")
        .body()
        .path("items")
        .findValuesAsText("name");
  }

  /** The answer, which must be none of a refusal. */
  public Kubernetes.Said done(Kubernetes.Said said) {
    if (!said.done()) {
      throw new IllegalStateException(said.toString());
    }
    return said;
  }

  @Override
  public void close() {
    api.close();
  }
}
