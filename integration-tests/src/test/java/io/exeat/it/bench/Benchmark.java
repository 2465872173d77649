package io.exeat.it.bench;

import static org.awaitility.Awaitility.await;

import io.exeat.it.environment.Client;
import io.exeat.it.environment.Deployment;
import io.exeat.it.environment.Packaged;
import io.exeat.it.environment.Stage;
import io.exeat.v1.CompleteRequest;
import io.exeat.v1.GetRequest;
import io.exeat.v1.RevokeRequest;
import io.exeat.v1.Task;
import io.exeat.v1.TaskState;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Measures and prints; each figure beside its floor, in turns, on the same servers. */
final class Benchmark {
  private static final int WARM = 3;

  private final int pairs;
  private final int tasks;
  private final Map<String, Double> figures = new LinkedHashMap<>();

  /**
   * @param pairs of the broker's way and the direct one, after three times as many that do not
   *     count: both sides' code is compiled by then
   * @param tasks open at once
   */
  Benchmark(int pairs, int tasks) {
    this.pairs = pairs;
    this.tasks = tasks;
  }

  /** Every figure by its name, in the order in which it was printed. */
  Map<String, Double> run() {
    Packaged.rehearse();
    Stage stage = Stage.get();
    say("cores " + Runtime.getRuntime().availableProcessors() + ", " + load());
    try (Deployment deployment = Deployment.start(Deployment.Plan.of(Deployment.Form.ALL_IN_ONE));
        Client client = deployment.client();
        Client operator = deployment.operator()) {
      Vitals idle = settled(deployment);
      say("idle: " + idle + "   (mark: 150 MiB)");
      figures.put("idle RSS MiB", idle.residentMebibytes());
      exchange(stage, client);
      many(deployment, client, operator);
    }
    start();
    return figures;
  }

  private static Vitals settled(Deployment deployment) {
    await().pollDelay(Duration.ofSeconds(2)).until(deployment.broker()::isAlive);
    return Vitals.of(deployment.broker().pid());
  }

  private void exchange(Stage stage, Client client) {
    Direct direct = new Direct(stage);
    Series lend = new Series();
    Series lendFloor = new Series();
    Series apart = new Series();
    Series end = new Series();
    Series endFloor = new Series();
    int warm = WARM * pairs;
    for (int i = -warm; i < pairs; i++) {
      if (i == 0) {
        List.of(lend, lendFloor, apart, end, endFloor).forEach(Series::forget);
      }
      Direct.Lent lent = lendFloor.time(direct::lend);
      Task task = lend.time(() -> client.openWith(Stage.READ));
      var _ = endFloor.time(() -> direct.end(lent));
      requireDead(end.time(() -> complete(client, task)));
      Task other =
          apart.time(() -> {
            Task opened = client.open(Stage.READ);
            var _ = client.issue(opened, Stage.READ);
            return opened;
          });
      requireDead(complete(client, other));
    }
    ratio("open + credential", lend, "create token + creds, directly", lendFloor, 1.25);
    say("%-40s %s".formatted("  the same in two calls", apart));
    figures.put("open, then credential ratio", apart.median() / lendFloor.median());
    say("  ratio of the medians %.2f".formatted(apart.median() / lendFloor.median()));
    ratio("end to proven dead", end, "accessor + sync lease revoke, directly", endFloor, 2.0);
  }

  private static void requireDead(Task ended) {
    if (ended.getState() != TaskState.TASK_STATE_ENDED) {
      throw new IllegalStateException("not proven dead: " + ended);
    }
  }

  private static Task complete(Client client, Task task) {
    return client.tasks().complete(CompleteRequest.newBuilder().setTaskId(task.getId()).build());
  }

  private void ratio(String what, Series ours, String floor, Series direct, double most) {
    double ratio = ours.median() / direct.median();
    say("%-40s %s   (%d pairs)".formatted(what, ours, ours.size()));
    say("%-40s %s".formatted(floor, direct));
    say("  ratio of the medians %.2f   (mark: %.2f)".formatted(ratio, most));
    figures.put(what + " ms", ours.median());
    figures.put(what + " floor ms", direct.median());
    figures.put(what + " ratio", ratio);
  }

  private void many(Deployment deployment, Client client, Client operator) {
    Vitals before = Vitals.of(deployment.broker().pid());
    List<Task> open = new ArrayList<>();
    Series opening = new Series();
    for (int i = 0; i < tasks; i++) {
      open.add(opening.time(() -> client.open(Stage.READ)));
    }
    Vitals after = Vitals.of(deployment.broker().pid());
    say("before %d open tasks: %s".formatted(tasks, before));
    say("with %d open tasks:   %s".formatted(tasks, after));
    figures.put("threads more", (double) after.threads() - before.threads());
    figures.put("sockets more", (double) after.sockets() - before.sockets());
    Series get = new Series();
    for (int i = 0; i < 10 * pairs + 500; i++) {
      if (i == 500) {
        get.forget();
      }
      String id = open.get(i % open.size()).getId();
      var _ = get.time(() -> client.tasks().get(GetRequest.newBuilder().setTaskId(id).build()));
    }
    say("Get on the socket: p50 %.3f ms   p99 %.3f ms".formatted(get.median(), get.millis(99)));
    figures.put("Get p50 ms", get.median());
    figures.put("Get p99 ms", get.millis(99));
    Series all = new Series();
    var _ =
        all.time(() -> {
          var answer = operator.admin().revoke(RevokeRequest.newBuilder().setAll(true).build());
          await().atMost(Duration.ofMinutes(2)).until(() -> hasEnded(client, open.getLast()));
          return answer;
        });
    say("revoking all %d: %.0f ms".formatted(tasks, all.median()));
    figures.put("revoke all ms", all.median());
  }

  /** One that has ended can be forgotten already: of each agent's, a number is remembered. */
  private static boolean hasEnded(Client client, Task task) {
    try {
      return client.tasks().get(GetRequest.newBuilder().setTaskId(task.getId()).build()).getState()
          == TaskState.TASK_STATE_ENDED;
    } catch (StatusRuntimeException e) {
      if (e.getStatus().getCode() == Status.Code.NOT_FOUND) {
        return true;
      }
      throw e;
    }
  }

  private void start() {
    Series answers = new Series();
    Series serves = new Series();
    for (int i = 0; i < Math.max(1, Math.min(7, pairs / 10)); i++) {
      long begun = System.nanoTime();
      try (Deployment deployment =
          Deployment.begin(Deployment.Plan.of(Deployment.Form.ALL_IN_ONE))) {
        deployment.front().awaitAnswer();
        answers.add(System.nanoTime() - begun);
        deployment.awaitServing();
        serves.add(System.nanoTime() - begun);
      }
    }
    say("start to the first call answered: %s   (mark: 1 s)".formatted(answers));
    say("start to serving agents:          %s".formatted(serves));
    figures.put("start ms", answers.median());
    figures.put("start to serving ms", serves.median());
  }

  private static String load() {
    return "load %.1f"
        .formatted(
            java.lang.management.ManagementFactory.getOperatingSystemMXBean()
                .getSystemLoadAverage());
  }

  private static void say(String line) {
    System.out.println("bench: " + line);
  }
}
