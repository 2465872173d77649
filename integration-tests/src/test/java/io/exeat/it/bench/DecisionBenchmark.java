package io.exeat.it.bench;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.exeat.it.environment.Client;
import io.exeat.it.environment.Deployment;
import io.exeat.it.environment.MemoryFolder;
import io.exeat.it.environment.Opa;
import io.exeat.it.environment.Packaged;
import io.exeat.it.environment.Stage;
import io.exeat.policy.CaseSuite;
import io.exeat.policy.PolicyFiles;
import io.exeat.policy.cedar.CedarBench;
import io.exeat.v1.CheckRequest;
import io.exeat.v1.CheckResponse;
import io.exeat.v1.CheckResponse.Verdict;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;

/**
 * What a decision costs: in the engine, over the broker's socket with its record on disk, and at an
 * OPA server over REST that has the same policies. Both servers are asked in turns, by as many
 * callers at once; beside them stands what gRPC and the disk take alone.
 */
final class DecisionBenchmark {
  private static final int AT_ONCE = 64;
  private static final int STREAMS = 4;
  private static final int A_SECOND = 1_000;

  /** Until the disk is through with what the busy rounds left. */
  private static final Duration SETTLED = Duration.ofSeconds(5);

  /** Below what the policies that ship allow one task. */
  private static final int OF_A_TASK = 5_000;

  private final Path folder;
  private final int rounds;
  private final Duration round;
  private final AtomicLong numbers = new AtomicLong();
  private final Map<String, Double> figures = new LinkedHashMap<>();

  /** Somebody who asks, one question after the other. */
  private interface Caller extends AutoCloseable {
    /** One question, asked and answered with a permit; otherwise it throws. */
    void ask(long number) throws IOException, InterruptedException;

    @Override
    default void close() {}
  }

  /** Where one can ask; a caller is for one thread. */
  @FunctionalInterface
  private interface Asked {
    Caller caller();
  }

  /**
   * @param folder for what JMH makes
   * @param rounds of each side, after as many that do not count
   */
  DecisionBenchmark(Path folder, int rounds, Duration round) {
    this.folder = folder;
    this.rounds = rounds;
    this.round = round;
  }

  /** Every figure by its name, in the order in which it was printed. */
  Map<String, Double> run(Path opaBinary) throws Exception {
    Packaged.rehearse();
    say("cores " + Runtime.getRuntime().availableProcessors() + ", " + load());
    engine();
    reload();
    Deployment.Plan plan =
        Deployment.Plan.of(Deployment.Form.ALL_IN_ONE)
            .launchedBy(config -> Packaged.many("run", "--config", config.toString()))
            .withUsualRecheck();
    try (MemoryFolder memory = MemoryFolder.make();
        Deployment deployment = Deployment.start(plan);
        Client client = deployment.client();
        Deployment diskless = Deployment.start(plan.withAudit(memory.path()));
        Client disklessClient = diskless.client();
        Opa opa = Opa.start(opaBinary)) {
      opa.policy("exeat", PolicyFiles.resource("exeat.rego"));
      Broker broker = new Broker(client);
      Broker inMemory = new Broker(disklessClient);
      Asked bare = () -> new Bare(client);
      Server server = new Server(opa);
      compare(() -> broker, () -> new Streamed(broker), bare, server, () -> inMemory);
      Thread.sleep(SETTLED);
      steady(deployment.folder(), broker, inMemory, new Bare(client), server);
    }
    return figures;
  }

  private void engine() throws Exception {
    Jmh.Times decision = Jmh.run(CedarDecision.class, folder, rounds, round);
    say(
        "Cedar, %d policies, %d agents and grants, by JMH: p50 %.1f us   p99 %.1f us   (mark: 200 us p50)"
            .formatted(
                CedarBench.POLICIES, 2 * CedarBench.ENTITIES, decision.p50(), decision.p99()));
    figures.put("Cedar p50 us", decision.p50());
    figures.put("Cedar p99 us", decision.p99());
  }

  /** As broker of one agent: the one that has the least processor time to make itself fast. */
  private void reload() throws IOException {
    try (Reloads reloads = Reloads.start()) {
      double first = reloads.next();
      Series more = new Series();
      for (int i = 0; i < 2 * rounds; i++) {
        more.add(Math.round(reloads.next() * 1e6));
      }
      say(
          "%d policies, put into a broker's folder, until in force: %.0f ms   the first: %.0f ms   (mark: 100 ms)   %s"
              .formatted(CedarBench.POLICIES, more.median(), first, load()));
      figures.put("Cedar reload ms", more.median());
      figures.put("Cedar first reload ms", first);
    }
  }

  /**
   * @param alsoWarmed asked as often, and not measured here
   */
  private void compare(Asked calls, Asked streams, Asked bare, Asked opa, Asked alsoWarmed)
      throws InterruptedException {
    List<Double> called = new ArrayList<>();
    List<Double> streamed = new ArrayList<>();
    List<Double> nothing = new ArrayList<>();
    List<Double> theirs = new ArrayList<>();
    for (int i = -rounds; i < rounds; i++) {
      double one = rate(calls, AT_ONCE);
      double two = rate(streams, STREAMS);
      double three = rate(bare, AT_ONCE);
      double other = rate(opa, AT_ONCE);
      if (i < 0) {
        rate(alsoWarmed, AT_ONCE);
      } else {
        called.add(one);
        streamed.add(two);
        nothing.add(three);
        theirs.add(other);
      }
    }
    double floor = median(theirs);
    say(
        "over the socket, recorded: Check %.0f/s, CheckAll %.0f/s   OPA over REST: %.0f/s   (%d at once, %d rounds)"
            .formatted(median(called), median(streamed), floor, AT_ONCE, rounds));
    say(
        "  ratios of the medians: Check %.2f, CheckAll %.2f   (mark: 3)   %s"
            .formatted(median(called) / floor, median(streamed) / floor, load()));
    say(
        "  a call that does nothing, over the same connection: %.0f/s, ratio %.2f"
            .formatted(median(nothing), median(nothing) / floor));
    figures.put("Check/s", median(called));
    figures.put("CheckAll/s", median(streamed));
    figures.put("bare call/s", median(nothing));
    figures.put("OPA/s", floor);
    figures.put("Check to OPA ratio", median(called) / floor);
    figures.put("CheckAll to OPA ratio", median(streamed) / floor);
  }

  /** In turns, as the disk is not the same from one second to the next. */
  private void steady(Path folder, Broker broker, Broker inMemory, Bare bare, Server opa)
      throws IOException, InterruptedException {
    Series recorded = new Series();
    Series disk = new Series();
    Series without = new Series();
    Series nothing = new Series();
    Series theirs = new Series();
    int calls = (int) (A_SECOND * round.toMillis() / 1000);
    for (int i = 0; i < rounds; i++) {
      recorded.addAll(steady(broker, calls));
      disk.addAll(Floor.records(folder, A_SECOND, calls));
      without.addAll(steady(inMemory, calls));
      nothing.addAll(steady(bare, calls));
      theirs.addAll(steady(opa, calls));
    }
    tail("Check", recorded, "   (mark: 2 ms p99)");
    tail("append and fsync", disk, "   (4 KiB each, by one thread, nothing else: the disk)");
    tail("Check in memory", without, "   (its chain in /dev/shm: all but the disk)");
    tail("bare call", nothing, "");
    tail("OPA", theirs, "");
  }

  private void tail(String who, Series series, String beside) {
    say(
        "%s at %d/s: p50 %.2f ms   p99 %.2f ms%s"
            .formatted(who, A_SECOND, series.median(), series.millis(99), beside));
    figures.put(who + " steady p50 ms", series.median());
    figures.put(who + " steady p99 ms", series.millis(99));
  }

  private double rate(Asked asked, int callers) throws InterruptedException {
    AtomicLong done = new AtomicLong();
    long begun = System.nanoTime();
    List<Thread> threads = new ArrayList<>();
    for (int i = 0; i < callers; i++) {
      threads.add(
          Thread.startVirtualThread(() -> {
            try (Caller caller = asked.caller()) {
              while (System.nanoTime() - begun < round.toNanos()) {
                ask(caller);
                done.incrementAndGet();
              }
            }
          }));
    }
    for (Thread thread : threads) {
      thread.join();
    }
    return done.get() / ((System.nanoTime() - begun) / 1e9);
  }

  /** Each call at its time, whether those before it are answered or not. */
  private Series steady(Caller caller, int calls) throws InterruptedException {
    List<Long> nanos = Collections.synchronizedList(new ArrayList<>());
    CountDownLatch answered = new CountDownLatch(calls);
    long begun = System.nanoTime();
    for (int i = 0; i < calls; i++) {
      long due = begun + i * 1_000_000_000L / A_SECOND;
      while (System.nanoTime() < due) {
        LockSupport.parkNanos(due - System.nanoTime());
      }
      Thread.startVirtualThread(() -> {
        ask(caller);
        nanos.add(System.nanoTime() - due);
        answered.countDown();
      });
    }
    answered.await();
    Series series = new Series();
    nanos.forEach(series::add);
    return series;
  }

  private void ask(Caller caller) {
    try {
      caller.ask(numbers.incrementAndGet());
    } catch (IOException e) {
      throw new IllegalStateException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** Each act with arguments of its own: who repeats himself a thousand times is stopped. */
  private static final class Broker implements Caller {
    private final Client client;
    private final AtomicLong asked = new AtomicLong();
    private volatile String task;

    Broker(Client client) {
      this.client = client;
      this.task = client.open(Stage.READ).getId();
    }

    CheckRequest request(long number) {
      if (asked.incrementAndGet() % OF_A_TASK == 0) {
        task = client.open(Stage.READ).getId();
      }
      return CheckRequest.newBuilder()
          .setTaskId(task)
          .setGrant(Stage.READ)
          .setArgumentsJson("{\"customer\":\"Ada\",\"limit\":" + number + "}")
          .build();
    }

    @Override
    public void ask(long number) {
      if (client.decisions().check(request(number)).getVerdict() != Verdict.VERDICT_PERMIT) {
        throw new IllegalStateException("not permitted");
      }
    }
  }

  /** What gRPC alone takes here: the broker answers with a constant. */
  private record Bare(Client client) implements Caller {
    @Override
    public void ask(long number) {
      if (!client.isAnswered()) {
        throw new IllegalStateException("not answered");
      }
    }
  }

  /** Over a stream of its own, on which each answer is followed by another question. */
  private final class Streamed implements Caller, StreamObserver<CheckResponse> {
    private final Broker broker;
    private final BlockingQueue<Verdict> answers = new LinkedBlockingQueue<>();
    private final StreamObserver<CheckRequest> questions;
    private int underWay;

    Streamed(Broker broker) {
      this.broker = broker;
      this.questions = broker.client.manyDecisions().checkAll(this);
    }

    @Override
    public void ask(long number) throws InterruptedException {
      questions.onNext(broker.request(number));
      for (underWay++; underWay < AT_ONCE / STREAMS; underWay++) {
        questions.onNext(broker.request(numbers.incrementAndGet()));
      }
      takeAnswer();
    }

    private void takeAnswer() throws InterruptedException {
      if (answers.take() != Verdict.VERDICT_PERMIT) {
        throw new IllegalStateException("not permitted");
      }
      underWay--;
    }

    @Override
    public void onNext(CheckResponse answer) {
      answers.add(answer.getVerdict());
    }

    @Override
    public void onError(Throwable thrown) {
      answers.add(Verdict.UNRECOGNIZED);
    }

    @Override
    public void onCompleted() {}

    @Override
    public void close() {
      try {
        while (underWay > 0) {
          takeAnswer();
        }
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
      questions.onCompleted();
    }
  }

  private static final class Server implements Caller, Asked {
    private static final String NUMBER = "\"limit\":";

    private final URI decision;
    private final String before;
    private final String after;
    private final HttpClient http = HttpClient.newHttpClient();

    Server(Opa opa) {
      this.decision = opa.address().resolve("/v1/data/exeat/decision");
      ObjectNode question = CaseSuite.example();
      ((ObjectNode) question.at("/arguments/numbers")).put("limit", 0);
      String json = "{\"input\":" + question + "}";
      int at = json.indexOf(NUMBER + "0") + NUMBER.length();
      this.before = json.substring(0, at);
      this.after = json.substring(at + 1);
    }

    @Override
    public Caller caller() {
      return this;
    }

    @Override
    public void ask(long number) throws IOException, InterruptedException {
      HttpRequest request =
          HttpRequest.newBuilder(decision)
              .header("Content-Type", "application/json")
              .POST(BodyPublishers.ofString(before + number + after))
              .build();
      if (!http.send(request, BodyHandlers.ofString()).body().contains("\"permit\"")) {
        throw new IllegalStateException("not permitted");
      }
    }
  }

  private static double median(List<Double> values) {
    return values.stream().sorted().toList().get(values.size() / 2);
  }

  private static String load() {
    return "load %.1f"
        .formatted(ManagementFactory.getOperatingSystemMXBean().getSystemLoadAverage());
  }

  private static void say(String line) {
    System.out.println("bench: " + line);
  }
}
