package io.exeat.gateway.relay;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.exeat.base.TaskId;
import io.exeat.gateway.grpc.Limits;
import io.exeat.gateway.grpc.TlsDoor;
import io.exeat.gateway.grpc.TlsFixture;
import io.exeat.gateway.grpc.UnixFixture;
import io.exeat.task.EndCause;
import io.exeat.task.TaskEvent.Kind;
import io.exeat.v1.CancelRequest;
import io.exeat.v1.CompleteRequest;
import io.exeat.v1.GetRequest;
import io.exeat.v1.ReleaseRequest;
import io.exeat.v1.TaskEvent;
import io.exeat.v1.TasksGrpc;
import io.exeat.v1.WatchRequest;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.StreamObserver;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import org.assertj.core.api.Assertions;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What lasts behind a relay, and what does not: links, streams, the cause of an end. */
final class RelayLivesTest {

  private static final Duration AGE = Duration.ofSeconds(1);
  private static final Duration GRACE = Duration.ofMillis(200);

  private final TlsFixture broker = new TlsFixture();
  private final UnixFixture sidecar = new UnixFixture();
  private final Instances instances = new Instances(broker.authority.issue(TlsFixture.AGENT));
  private Relay relay;

  @BeforeEach
  void open() throws Exception {
    TlsDoor door = broker.open(Limits.DEFAULT, AGE, GRACE, 0);
    relay =
        new Relay(
            new RelayConfig("127.0.0.1", door.port(), TlsFixture.BROKER),
            instances,
            broker.tls,
            sidecar.loops,
            sidecar.calls,
            Duration.ofSeconds(2));
    sidecar.agents(relay.served(), Limits.DEFAULT);
  }

  @AfterEach
  void close() {
    relay.close();
    sidecar.close();
    broker.close();
  }

  private static GetRequest get(TaskId task) {
    return GetRequest.newBuilder().setTaskId(task.value()).build();
  }

  private static StatusRuntimeException refused(Runnable call) {
    return Assertions.catchThrowableOfType(StatusRuntimeException.class, call::run);
  }

  @Test
  void anInstanceThatEndsNothingCostsNothingAfterAWhile() {
    ManagedChannel channel = sidecar.channel();
    for (int i = 0; i < 20; i++) {
      instances.instance = "process " + i;
      TaskId task = UnixFixture.opened(channel, "k" + i);
      var _ =
          UnixFixture.tasks(channel)
              .complete(CompleteRequest.newBuilder().setTaskId(task.value()).build());
    }
    assertThat(relay.links()).isPositive();

    await()
        .untilAsserted(() -> {
          assertThat(relay.links()).isZero();
          assertThat(instances.watchers).isEmpty();
          assertThat(broker.connections.open()).isEmpty();
        });
  }

  @Test
  void anInstanceThatComesBackFindsTheTasksThatItHadEnded() {
    ManagedChannel channel = sidecar.channel();
    TaskId task = UnixFixture.opened(channel, "k");
    var _ =
        UnixFixture.tasks(channel)
            .complete(CompleteRequest.newBuilder().setTaskId(task.value()).build());
    await().until(() -> relay.links() == 0);

    assertThat(UnixFixture.tasks(channel).get(get(task)).getId()).isEqualTo(task.value());
    instances.instance = "process two";
    assertThat(refused(() -> UnixFixture.tasks(channel).get(get(task))).getStatus().getCode())
        .isEqualTo(Status.Code.NOT_FOUND);
  }

  @Test
  void anInstanceWithATaskIsWatchedHoweverLongItIsSilent() {
    ManagedChannel channel = sidecar.channel();
    TaskId task = UnixFixture.opened(channel, "k");
    await()
        .during(Duration.ofSeconds(4))
        .atMost(Duration.ofSeconds(10))
        .until(() -> relay.links() == 1);

    instances.watchers.values().forEach(then -> then.accept("the process has exited"));

    await().until(() -> broker.flow.calls.contains("end AGENT_GONE " + task));
  }

  @Test
  void aTaskThatTheBrokerHasEndedKeepsNoLink() {
    ManagedChannel channel = sidecar.channel();
    TaskId ended = UnixFixture.opened(channel, "k");
    TaskId open = UnixFixture.opened(channel, "l");
    broker.flow.ended(ended, EndCause.OPERATOR);
    // The other one does.
    await()
        .during(Duration.ofSeconds(3))
        .atMost(Duration.ofSeconds(10))
        .until(() -> relay.links() == 1);

    broker.flow.ended(open, EndCause.EXPIRED);

    await()
        .untilAsserted(() -> {
          assertThat(relay.links()).isZero();
          assertThat(instances.watchers).isEmpty();
          assertThat(broker.connections.open()).isEmpty();
        });
    assertThat(UnixFixture.tasks(channel).get(get(ended)).getId()).isEqualTo(ended.value());
    instances.instance = "process two";
    assertThat(refused(() -> UnixFixture.tasks(channel).get(get(ended))).getStatus().getCode())
        .isEqualTo(Status.Code.NOT_FOUND);
  }

  @Test
  void anAgentCannotSayOfItselfThatItHasGone() {
    ManagedChannel channel = sidecar.channel();
    TaskId task = UnixFixture.opened(channel, "k");

    StatusRuntimeException refused =
        refused(() ->
            UnixFixture.tasks(channel)
                .cancel(
                    CancelRequest.newBuilder().setTaskId(task.value()).setAgentGone(true).build()));

    assertThat(UnixFixture.info(refused).getMetadataMap()).containsEntry("field", "agent_gone");
    assertThat(broker.flow.calls).noneMatch(call -> call.startsWith("end"));
  }

  @Test
  void aRequestIsReadWholeBeforeItsTaskIsLookedFor() {
    ReleaseRequest malformed =
        ReleaseRequest.newBuilder().setTaskId("t" + "0".repeat(20)).setCredentialId("..").build();

    StatusRuntimeException refused =
        refused(() -> UnixFixture.credentials(sidecar.channel()).release(malformed));

    assertThat(UnixFixture.info(refused).getMetadataMap()).containsEntry("field", "credential_id");
  }

  @Test
  void aWatchGoesOnOverEveryConnectionThatIsCut() throws Exception {
    ManagedChannel channel = sidecar.channel();
    TaskId task = UnixFixture.opened(channel, "k");
    Seen seen = new Seen();
    TasksGrpc.newStub(channel)
        .watch(WatchRequest.newBuilder().setTaskId(task.value()).build(), seen);
    await().until(() -> !seen.events.isEmpty());
    // Longer than the ages and graces of several connections, and at their very ends.
    int events = 0;
    long until = System.nanoTime() + 3 * AGE.plus(GRACE).toNanos();
    while (System.nanoTime() < until) {
      broker.flow.happened(task, Kind.EXPIRY_WARNING);
      events++;
      TimeUnit.MILLISECONDS.sleep(20);
    }
    int peers = broker.flow.peers.stream().distinct().toList().size();
    broker.flow.happened(task, Kind.ENDED);
    int all = events + 1;

    await().until(() -> seen.completed);

    assertThat(seen.failures).isEmpty();
    assertThat(peers).as("connections").isGreaterThan(2);
    assertThat(seen.events.getFirst().getEventCase()).isEqualTo(TaskEvent.EventCase.SNAPSHOT);
    assertThat(seen.events.stream().skip(1).map(TaskEvent::getNumber).toList())
        .containsExactlyElementsOf(
            java.util.stream.LongStream.rangeClosed(1, all).boxed().toList());
  }

  private static final class Seen implements StreamObserver<TaskEvent> {
    final List<TaskEvent> events = new CopyOnWriteArrayList<>();
    final List<Throwable> failures = new CopyOnWriteArrayList<>();
    volatile boolean completed;

    @Override
    public void onNext(TaskEvent event) {
      events.add(event);
    }

    @Override
    public void onError(Throwable thrown) {
      failures.add(thrown);
    }

    @Override
    public void onCompleted() {
      completed = true;
    }
  }
}
