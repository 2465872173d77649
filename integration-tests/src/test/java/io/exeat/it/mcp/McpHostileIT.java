package io.exeat.it.mcp;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.exeat.it.environment.Client;
import io.exeat.it.environment.McpClient;
import io.exeat.it.environment.McpStage;
import io.exeat.it.environment.RecordingUpstream;
import io.exeat.v1.Binding;
import io.exeat.v1.CompleteRequest;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;

/** An agent that does not want to be understood, at the gateway's socket. */
@Timeout(300)
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@SuppressWarnings("NullAway.Init") // because JUnit calls start first
class McpHostileIT {
  private RecordingUpstream upstream;
  private McpStage stage;
  private String task;

  @BeforeAll
  void start() {
    upstream = RecordingUpstream.start();
    stage =
        McpStage.start(
            McpStage.at("recording", upstream.address(), List.of("read"))
                + McpStage.at("lending", upstream.address(), List.of("read"))
                    .replace(
                        "grant: " + McpStage.USE,
                        "grant: "
                            + McpStage.PROXIED
                            + "\n"
                            + "    headers: [{name: Authorization, value: \"Bearer"
                            + " {secret}\"}]"));
    task = stage.open(McpStage.USE, McpStage.PROXIED);
  }

  @AfterAll
  void stop() {
    if (stage != null) {
      stage.close();
    }
    upstream.close();
  }

  /** Sends bytes; nothing of them may reach the server, and others are still served. */
  private void isNoRequest(String bytes) {
    int before = upstream.seen().size();
    try (McpClient client = stage.client("recording")) {
      client.send(bytes.getBytes(StandardCharsets.ISO_8859_1));
      McpClient.Answer answer = client.read();
      assertThat(answer.status()).as(bytes).isBetween(400, 499);
    } catch (UncheckedIOException e) {
      // Closed without a word.
    }
    assertThat(upstream.seen()).as(bytes).hasSize(before);
  }

  private String head(String more) {
    return "POST /recording/mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        + "Accept: application/json, text/event-stream\r\nMCP-Protocol-Version: 2026-07-28\r\n"
        + "Mcp-Method: tools/call\r\nMcp-Name: read\r\nExeat-Task: "
        + task
        + "\r\n"
        + more;
  }

  @Test
  void oneRequestIsNeverTwo() {
    String body = McpClient.call(1, "read", "{}");
    String chunk = Integer.toHexString(body.length()) + "\r\n" + body + "\r\n0\r\n\r\n";
    int length = body.length();
    isNoRequest(
        head("Transfer-Encoding: chunked\r\nContent-Length: " + length + "\r\n\r\n" + chunk));
    isNoRequest(head("Content-Length: " + length + "\r\nContent-Length: 1\r\n\r\n" + body));
    isNoRequest(head("Content-Length: +" + length + "\r\n\r\n" + body));
    isNoRequest(head("Transfer-Encoding: x, chunked\r\n\r\n" + chunk));
    isNoRequest(head("Transfer-Encoding : chunked\r\n\r\n" + chunk));
    isNoRequest(head("Content-Length: " + length + "\r\nHost: evil.example\r\n\r\n" + body));
    isNoRequest(
        head("Content-Length: " + length + "\r\n\r\n" + body)
            .replace("Host: localhost", "Host: evil.example"));
    isNoRequest(
        head("Origin: https://evil.example\r\nContent-Length: " + length + "\r\n\r\n" + body));
    isNoRequest(head("Content-Length: " + length + "\r\nMcp-Name: write\r\n\r\n" + body));
    isNoRequest(head("Content-Length: " + length + "\r\nMcp-Method: tools/list\r\n\r\n" + body));
    isNoRequest("GET http://evil.example/ HTTP/1.1\r\nHost: evil.example\r\n\r\n");
    isNoRequest("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    isNoRequest("\u0016\u0003\u0001\u0002\u0000\u0001\u0000\u0001\u00fc\u0003\u0003\r\n\r\n");
  }

  @Test
  void whoHangsUpIsNotGone() {
    try (Client client = new Client(stage.broker().agentSocket())) {
      String own =
          client
              .tasks()
              .open(Client.asking(McpStage.USE).setBinding(Binding.BINDING_PROCESS).build())
              .getId();
      String call =
          head("Content-Length: " + McpClient.call(1, "read", "{}").length() + "\r\n\r\n")
                  .replace(task, own)
              + McpClient.call(1, "read", "{}");
      for (int i = 0; i < 500; i++) {
        try (McpClient hasty = stage.client("recording")) {
          hasty.send(call.getBytes(StandardCharsets.UTF_8));
        }
      }

      try (McpClient patient = stage.client("recording")) {
        assertThat(patient.call(own, 2, "read", "{}").json().path("result").isMissingNode())
            .as("%s", stage.audit("task.ended"))
            .isFalse();
      }
      var _ = client.tasks().complete(CompleteRequest.newBuilder().setTaskId(own).build());
    }
  }

  @Test
  void whatIsTooMuchIsRefusedBeforeItIsHeld() throws Exception {
    long before = resident();
    try (McpClient client = stage.client("recording")) {
      client.send(head("Content-Length: 2000000000\r\n\r\n").getBytes(StandardCharsets.UTF_8));
      assertThat(client.read().status()).isEqualTo(413);
    }
    for (int i = 0; i < 4; i++) {
      try (McpClient client = stage.client("recording")) {
        client.send(head("Transfer-Encoding: chunked\r\n\r\n").getBytes(StandardCharsets.UTF_8));
        byte[] chunk =
            ("100000\r\n" + "x".repeat(1 << 20) + "\r\n").getBytes(StandardCharsets.UTF_8);
        assertThatThrownBy(
                () -> {
                  for (int sent = 0; sent < 200; sent++) {
                    client.send(chunk);
                  }
                })
            .isInstanceOf(UncheckedIOException.class); // it hangs up
      }
    }
    assertThat(resident() - before).isLessThan(100_000);
    isServed();
  }

  @Test
  void theDeepAndTheWideAreRefused() {
    int before = upstream.calls().size();
    Map<String, String> headers =
        Map.of("Exeat-Task", task, "Mcp-Method", "tools/call", "Mcp-Name", "read");
    List<String> bodies = new ArrayList<>();
    bodies.add(McpClient.call(1, "read", "{\"a\":" + "[".repeat(5_000) + "]".repeat(5_000) + "}"));
    bodies.add(McpClient.call(1, "read", "{" + "\"a\":1,".repeat(500) + "\"a\":2}"));
    bodies.add(McpClient.call(1, "read", "{\"a\":\"\\ud800\"}"));
    bodies.add(McpClient.call(1, "read", "{\"a\":1" + "0".repeat(5_000) + "}"));
    bodies.add("\ufeff" + McpClient.call(1, "read", "{}"));
    bodies.add(McpClient.call(1, "read", "{}") + McpClient.call(2, "read", "{}"));
    bodies.add(McpClient.call(1, "read", "{}").replace("\"params\"", "\"Params\":{},\"params\""));
    bodies.add(McpClient.call(1, "read", "{}").replace("\"id\":1", "\"id\":{\"a\":1}"));
    bodies.add(McpClient.call(1, "read", "{}").replace("\"id\":1", "\"id\":null"));
    for (String body : bodies) {
      try (McpClient client = stage.client("recording")) {
        McpClient.Answer answer = client.post(body, headers);
        assertThat(answer.status()).as(body.substring(0, 40)).isEqualTo(400);
        assertThat(answer.json().path("error").path("code").asInt()).isIn(-32700, -32600, -32602);
      }
    }
    assertThat(upstream.calls()).hasSize(before);
  }

  @Test
  void whoDoesNothingKeepsNobodyOut() {
    List<McpClient> idle = new ArrayList<>();
    try {
      for (int i = 0; i < 3_000; i++) {
        try {
          McpClient client = stage.client("recording");
          idle.add(client);
          client.send("POST /recording/mcp HTT".getBytes(StandardCharsets.UTF_8));
        } catch (UncheckedIOException e) {
          break; // no room for more: as it should be
        }
      }
      org.awaitility.Awaitility.await()
          .atMost(java.time.Duration.ofSeconds(90))
          .ignoreExceptions() // it may well hang up on us meanwhile
          .untilAsserted(this::isServed);
    } finally {
      idle.forEach(McpClient::close);
    }
    isServed();
  }

  @Test
  void theServerSeesNothingThatIsTheAgentsOnly() {
    try (McpClient client = stage.client("recording")) {
      McpClient.Answer answer =
          client.post(
              McpClient.call(1, "read", "{\"mark\":\"headers\"}"),
              Map.of(
                  "Exeat-Task", task,
                  "Mcp-Method", "tools/call",
                  "Mcp-Name", "read",
                  "Authorization", "Bearer of-the-agent",
                  "Cookie", "a=b",
                  "X-Forwarded-For", "10.0.0.1",
                  "Proxy-Authorization", "Basic x"));
      assertThat(answer.status()).isEqualTo(200);
    }
    RecordingUpstream.Seen seen = upstream.calls().getLast();
    assertThat(seen.headers().keySet())
        .doesNotContain("authorization", "cookie", "x-forwarded-for", "proxy-authorization")
        .doesNotContain("exeat-task");
  }

  @Test
  void whatTheServerRepeatsOfTheSecretIsNotTheAgentsToSee() {
    try (McpClient client = stage.client("lending")) {
      McpClient.Answer answer = client.call(task, 1, "read", "{}");
      assertThat(answer.status()).isEqualTo(200);
      String secret =
          upstream
              .calls()
              .getLast()
              .headers()
              .getOrDefault("authorization", List.of("Bearer "))
              .getFirst()
              .substring("Bearer ".length());
      assertThat(secret).hasSizeGreaterThan(15);
      assertThat(answer.body()).contains("Bearer").doesNotContain(secret);
      assertThat(stage.broker().log()).doesNotContain(secret);
    }
  }

  @Test
  void whatAPersonAnswersAServerIsOnNoRecord() throws Exception {
    String canary = "canary-" + java.util.UUID.randomUUID();
    List<String> judged = new ArrayList<>();
    try (McpClient client = stage.client("recording")) {
      for (String said : List.of("", canary + "-1", canary + "-1", canary + "-2")) {
        String responses =
            "\"requestState\":\"s\",\"inputResponses\":{\"login\":{\"action\":\"accept\",\"content\":"
                + "{\"password\":\"%s\"}}},".formatted(said);
        String body =
            McpClient.call(judged.size(), "read", "{\"mark\":\"" + canary.substring(7) + "\"}");
        McpClient.Answer answer =
            client.post(
                said.isEmpty() ? body : body.replace("\"arguments\"", responses + "\"arguments\""),
                Map.of("Exeat-Task", task, "Mcp-Method", "tools/call", "Mcp-Name", "read"));
        assertThat(answer.json().path("result").path("content")).as("%s", answer).hasSize(1);
        assertThat(upstream.calls().getLast().body()).contains(said);
        judged.add(
            stage.audit("policy.decided").stream()
                .map(it -> it.at("/question/arguments"))
                .filter(it -> it.at("/texts/mark").asText().equals(canary.substring(7)))
                .map(it -> it.path("sha256").asText())
                .reduce((_, last) -> last)
                .orElse("none"));
      }
    }
    // Each is decided on, and what is said otherwise is another call.
    assertThat(judged.get(2)).isEqualTo(judged.get(1));
    assertThat(judged).doesNotContain("none");
    assertThat(java.util.Set.copyOf(judged)).hasSize(3);
    try (var files = Files.walk(stage.broker().audit())) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        assertThat(Files.readString(file, StandardCharsets.ISO_8859_1))
            .as("%s", file)
            .doesNotContain(canary);
      }
    }
    assertThat(stage.broker().log()).doesNotContain(canary);
  }

  @Test
  void aListNamesWhatIsMappedAndIsNobodyElses() {
    try (McpClient client = stage.client("recording")) {
      McpClient.Answer answer =
          client.post(
              McpClient.ask(1, "tools/list", ""),
              Map.of("Exeat-Task", task, "Mcp-Method", "tools/list"));
      var result = answer.json().path("result");
      assertThat(result.path("tools").findValuesAsText("name")).containsExactly("read");
      assertThat(result.path("ttlMs").asInt(-1)).isZero();
      assertThat(result.path("cacheScope").asText()).isEqualTo("private");
    }
  }

  @Test
  void anEndedTaskDoesNothingMore() {
    String other = stage.open(McpStage.USE);
    try (McpClient client = stage.client("recording")) {
      assertThat(client.call(other, 1, "read", "{}").status()).isEqualTo(200);
      stage.complete(other);
      int before = upstream.calls().size();
      McpClient.Answer answer = client.call(other, 2, "read", "{}");
      assertThat(answer.json().path("result").path("isError").asBoolean()).isTrue();
      assertThat(answer.body()).contains(other + " is over");
      assertThat(upstream.calls()).hasSize(before);
    }
  }

  private void isServed() {
    try (McpClient client = stage.client("recording")) {
      assertThat(client.call(task, 1, "read", "{}").status()).isEqualTo(200);
    }
  }

  /** Of the broker, in KiB. */
  private long resident() throws java.io.IOException {
    for (String line : Files.readAllLines(Path.of("/proc/" + stage.broker().pid() + "/status"))) {
      if (line.startsWith("VmRSS:")) {
        return Long.parseLong(line.replaceAll("[^0-9]", ""));
      }
    }
    throw new IllegalStateException();
  }
}
