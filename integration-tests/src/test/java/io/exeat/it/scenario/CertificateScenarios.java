package io.exeat.it.scenario;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.exeat.credential.Certificates;
import io.exeat.it.environment.Deployment;
import io.exeat.it.environment.Stage;
import io.exeat.it.environment.TlsService;
import io.exeat.v1.ChangeScopeRequest;
import io.exeat.v1.ClientCertificate;
import io.exeat.v1.CompleteRequest;
import io.exeat.v1.Credential;
import io.exeat.v1.CredentialState;
import io.exeat.v1.IssueRequest;
import io.exeat.v1.ReleaseRequest;
import io.exeat.v1.Task;
import io.exeat.v1.TaskState;
import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.cert.CertificateFactory;
import java.security.cert.X509CRL;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** Certificates of a real issuer, shown to a service that goes by its revocation list. */
abstract class CertificateScenarios extends Scenarios {
  private static final String ISSUER = "pki/issuer/shop";

  private final TlsService service = new TlsService(stage.newFolder("tls"));

  CertificateScenarios(Deployment.Form form) {
    super(form);
  }

  @Test
  void aCertificateOpensTheServiceUntilItsTaskIsCompleted() throws Exception {
    Task task = client.open(Stage.TLS);
    IssueRequest ask =
        IssueRequest.newBuilder()
            .setTaskId(task.getId())
            .setGrant(Stage.TLS)
            .setIdempotencyKey("once")
            .build();
    Credential credential = client.credentials().issue(ask);
    ClientCertificate it = credential.getCertificate();
    Certificates own = read(it);

    assertThat(it.getHost()).isEqualTo("orders.example.org");
    assertThat(own.names())
        .containsExactlyInAnyOrder(
            "clerk.shop.example.org", "spiffe://example.org/orders-api/clerk");
    assertThat(outside.leases(Stage.TLS)).hasSize(1);
    assertThat(service.admits(own, issuer(), list())).isTrue();
    assertThat(client.credentials().issue(ask)).isEqualTo(credential);

    Task ended = complete(task);

    assertThat(ended.getState()).isEqualTo(TaskState.TASK_STATE_ENDED);
    assertThat(ended.getCredentials(0).getState())
        .isEqualTo(CredentialState.CREDENTIAL_STATE_REVOKED);
    assertThat(isListed(own)).isTrue();
    assertThat(service.admits(own, issuer(), list())).isFalse();
    assertThat(outside.leases(Stage.TLS)).isEmpty();
    assertThat(operator.receipts(task))
        .anyMatch(text ->
            text.contains("\"kind\":\"CERTIFICATE\"")
                && text.contains(it.getSerialNumber())
                && text.contains("is on the revocation list of Vault"));
    outside.requireDead(task.getId());
  }

  @Test
  void oneOfTwoIsReleasedAndTheOtherEndsWithTheScope() throws Exception {
    Task task = client.open(Stage.TLS, Stage.READ);
    Credential first = client.issue(task, Stage.TLS);
    Credential second = client.issue(task, Stage.TLS);
    Credential login = client.issue(task, Stage.READ);
    assertThat(
            client
                .credentials()
                .release(
                    ReleaseRequest.newBuilder()
                        .setTaskId(task.getId())
                        .setCredentialId(first.getId())
                        .build())
                .getProvenDead())
        .isTrue();
    assertThat(service.admits(read(first.getCertificate()), issuer(), list())).isFalse();
    assertThat(service.admits(read(second.getCertificate()), issuer(), list())).isTrue();

    Task changed =
        client
            .tasks()
            .changeScope(
                ChangeScopeRequest.newBuilder()
                    .setTaskId(task.getId())
                    .addScope(Stage.READ)
                    .setEpoch(1)
                    .build());

    assertThat(changed.getState()).isEqualTo(TaskState.TASK_STATE_OPEN);
    assertThat(service.admits(read(second.getCertificate()), issuer(), list())).isFalse();
    assertThat(outside.login(login.getDatabase())).startsWith("28");
    var _ = complete(task);
  }

  @Test
  void aTaskHasNotEndedBeforeTheListSaysSo() throws Exception {
    Task task = client.open(Stage.TLS);
    Certificates own = read(client.issue(task, Stage.TLS).getCertificate());
    stage.vault().makeListLate(true);
    try {
      Task ending =
          client
              .tasks()
              .withDeadlineAfter(4, TimeUnit.SECONDS)
              .complete(CompleteRequest.newBuilder().setTaskId(task.getId()).build());

      // Vault has ended token and lease, and says so; its list does not have it yet.
      assertThat(outside.leases(Stage.TLS)).isEmpty();
      assertThat(isListed(own)).isFalse();
      assertThat(ending.getState()).isEqualTo(TaskState.TASK_STATE_ENDING);
      assertThat(ending.getPendingReason()).contains("is not on the revocation list of Vault");
      assertThat(service.admits(own, issuer(), list())).isTrue();
    } finally {
      stage.vault().makeListLate(false);
    }
    await().atMost(SOON).until(() -> hasEnded(task));
    assertThat(service.admits(own, issuer(), list())).isFalse();
  }

  static Certificates read(ClientCertificate it) {
    return Certificates.read(it.getPrivateKey() + it.getCertificate() + it.getChain());
  }

  private boolean isListed(Certificates own) throws GeneralSecurityException {
    return list().getRevokedCertificate(own.own().getSerialNumber()) != null;
  }

  private java.security.cert.X509Certificate issuer() throws GeneralSecurityException {
    return (java.security.cert.X509Certificate)
        CertificateFactory.getInstance("X.509").generateCertificate(told("/json", "certificate"));
  }

  private X509CRL list() throws GeneralSecurityException {
    return list(stage);
  }

  /** The list as Vault publishes it now. */
  static X509CRL list(Stage stage) throws GeneralSecurityException {
    return (X509CRL)
        CertificateFactory.getInstance("X.509").generateCRL(told(stage, "/crl", "crl"));
  }

  private ByteArrayInputStream told(String path, String field) {
    return told(stage, path, field);
  }

  private static ByteArrayInputStream told(Stage stage, String path, String field) {
    String text =
        stage.vault().call("GET", ISSUER + path, Map.of(), "").data().path(field).asText();
    return new ByteArrayInputStream(text.getBytes(StandardCharsets.US_ASCII));
  }
}
