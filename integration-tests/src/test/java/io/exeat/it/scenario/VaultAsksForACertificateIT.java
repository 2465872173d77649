package io.exeat.it.scenario;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.exeat.it.environment.Client;
import io.exeat.it.environment.Deployment;
import io.exeat.it.environment.Outside;
import io.exeat.it.environment.Stage;
import io.exeat.v1.CompleteRequest;
import io.exeat.v1.Task;
import io.exeat.v1.TaskState;
import java.io.IOException;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.time.Duration;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** OpenBao's listener talks to nobody but holders of an X.509-SVID of the trust domain. */
final class VaultAsksForACertificateIT {
  private static final int ROTATIONS = 12;
  private static final Pattern SERIAL =
      Pattern.compile("\"client_certificate_serial_number\":\"([^\"]+)\"");

  private final Stage stage = Stage.get();

  @Test
  void aClientWithoutOneIsNotTalkedTo() {
    try (HttpClient plain = HttpClient.newBuilder().sslContext(stage.vault().trust()).build()) {
      HttpRequest request =
          HttpRequest.newBuilder(stage.vault().mutual().resolve("/v1/sys/health"))
              .timeout(Duration.ofSeconds(5))
              .build();
      assertThatThrownBy(() -> plain.send(request, HttpResponse.BodyHandlers.discarding()))
          .isInstanceOf(IOException.class);
    }
  }

  @Test
  void theBrokerShowsItsSvidAndTheNextOneAfterEachRotation() throws IOException {
    try (Deployment deployment =
            Deployment.start(
                Deployment.Plan.of(Deployment.Form.ALL_IN_ONE).with(stage.vault().mutual()));
        Outside outside = new Outside(stage);
        Client client = deployment.client()) {
      long before = Files.size(stage.vault().audit());
      for (int i = 0; i < ROTATIONS; i++) {
        Task task = client.open(Stage.READ);
        stage.authority().rotate();
        assertThat(outside.login(client.issue(task, Stage.READ).getDatabase())).isEmpty();
        assertThat(
                client
                    .tasks()
                    .complete(CompleteRequest.newBuilder().setTaskId(task.getId()).build())
                    .getState())
            .isEqualTo(TaskState.TASK_STATE_ENDED);
        outside.requireDead(task.getId());
      }
      assertThat(serials(before)).hasSizeGreaterThan(ROTATIONS / 2);
    }
  }

  /** Serial numbers of the certificates that OpenBao was shown, by its audit. */
  private Set<String> serials(long from) throws IOException {
    Set<String> serials = new TreeSet<>();
    String audit = Files.readString(stage.vault().audit()).substring(Math.toIntExact(from));
    try (Stream<String> lines = audit.lines()) {
      lines.forEach(line -> {
        Matcher found = SERIAL.matcher(line);
        if (found.find()) {
          serials.add(found.group(1));
        }
      });
    }
    return serials;
  }
}
