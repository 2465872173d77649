package io.exeat.it.environment;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import io.exeat.v1.CancelRequest;
import io.exeat.v1.ChangeScopeRequest;
import io.exeat.v1.CompleteRequest;
import io.exeat.v1.Credential;
import io.exeat.v1.GetRequest;
import io.exeat.v1.IssueRequest;
import io.exeat.v1.Task;
import io.grpc.StatusRuntimeException;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import org.slf4j.LoggerFactory;

/** Does what each line of its input says, and answers each with a line. */
public final class AgentMain {
  private final Client client;
  private int keys;

  private AgentMain(Client client) {
    this.client = client;
  }

  /**
   * Ends with its input.
   *
   * @param arguments the broker's socket
   */
  public static void main(String[] arguments) throws IOException {
    // The answers are its only output.
    ((Logger) LoggerFactory.getLogger(Logger.ROOT_LOGGER_NAME)).setLevel(Level.OFF);
    try (Client client = new Client(Path.of(arguments[0]))) {
      AgentMain agent = new AgentMain(client);
      BufferedReader lines =
          new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        System.out.println(agent.answer(List.of(line.split(" ", -1))));
      }
    }
  }

  private String answer(List<String> words) {
    try {
      return "ok "
          + switch (words.getFirst()) {
            case "open" -> {
              Task task = client.open(words.subList(1, words.size()).toArray(String[]::new));
              yield task.getId() + " " + task.getEpoch();
            }
            case "issue" -> {
              Credential made =
                  client
                      .credentials()
                      .issue(
                          IssueRequest.newBuilder()
                              .setTaskId(words.get(1))
                              .setGrant(words.get(2))
                              .setIdempotencyKey("k" + keys++)
                              .build());
              yield made.getDatabase().getUsername() + " " + made.getDatabase().getPassword();
            }
            case "get" ->
                client
                    .tasks()
                    .get(GetRequest.newBuilder().setTaskId(words.get(1)).build())
                    .getState();
            case "scope" ->
                client
                    .tasks()
                    .changeScope(
                        ChangeScopeRequest.newBuilder()
                            .setTaskId(words.get(1))
                            .setEpoch(Long.parseLong(words.get(2)))
                            .addAllScope(words.subList(3, words.size()))
                            .build())
                    .getEpoch();
            case "complete" ->
                client
                    .tasks()
                    .complete(CompleteRequest.newBuilder().setTaskId(words.get(1)).build())
                    .getState();
            case "cancel" ->
                client
                    .tasks()
                    .cancel(CancelRequest.newBuilder().setTaskId(words.get(1)).build())
                    .getState();
            default -> throw new IllegalArgumentException(words.getFirst());
          };
    } catch (StatusRuntimeException e) {
      Refusal refusal = Refusal.of(e);
      return "refused " + refusal.code() + " " + refusal.reason() + " " + refusal.text();
    }
  }
}
