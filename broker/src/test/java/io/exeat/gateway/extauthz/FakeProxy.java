package io.exeat.gateway.extauthz;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.exeat.attest.Peer;
import io.exeat.base.CredentialId;
import io.exeat.base.DecisionId;
import io.exeat.base.Epoch;
import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import io.exeat.base.LeaseId;
import io.exeat.base.SecretBytes;
import io.exeat.base.TaskId;
import io.exeat.credential.Held;
import io.exeat.flow.Allowed;
import io.exeat.flow.CutOff;
import io.exeat.flow.Issued;
import io.exeat.flow.Judged;
import io.exeat.flow.ProxyRequests;
import io.exeat.flow.Standing;
import io.exeat.flow.Use;
import io.exeat.policy.Act;
import io.exeat.policy.Decision;
import io.exeat.policy.Reason;
import io.exeat.task.Target;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/** Permits but for tools that are called otherwise; writes down what it was asked, in order. */
public final class FakeProxy implements ProxyRequests {
  public static final String SECRET = "s3cret-of-the-task";
  public static final TaskId TASK = new TaskId("t00000000000000000001");
  private static final Instant NOON = Instant.parse("2026-06-01T12:00:00Z");

  public final List<String> calls = new CopyOnWriteArrayList<>();
  public final List<Fault> refused = new CopyOnWriteArrayList<>();
  public volatile @Nullable RuntimeException failure;

  /** Runs in each use that is permitted. */
  public volatile Runnable meanwhile = () -> {};

  public final AtomicInteger underWay = new AtomicInteger();

  @Override
  public TaskId meant(Peer peer, Optional<TaskId> named) {
    TaskId task = named.orElse(TASK);
    if (!task.equals(TASK)) {
      throw new FaultException(new Fault.NoSuchTask(task));
    }
    return task;
  }

  @Override
  public Use use(Peer peer, TaskId task, Act act) {
    return asked("use", peer, act);
  }

  @Override
  public Use look(Peer peer, TaskId task, Act act) {
    return asked("look", peer, act);
  }

  private Use asked(String how, Peer peer, Act act) {
    Peer.Vouched who = (Peer.Vouched) peer;
    String tool = act.tool().orElse("");
    calls.add(
        "%s %s by %s: %s %s under %s %s"
            .formatted(
                how,
                who.id().getPath(),
                who.by(),
                act.action().word(),
                tool,
                act.grant().orElse("-"),
                act.arguments().texts()));
    RuntimeException thrown = failure;
    if (thrown != null) {
      throw thrown;
    }
    DecisionId id = new DecisionId("d00000000000000000001");
    Epoch epoch = new Epoch(TASK, 1);
    List<Reason> because = List.of(new Reason("fake", List.of()));
    Decision decision =
        tool.endsWith(".forbidden")
            ? new Decision.Deny("never", because, "ab")
            : tool.endsWith(".risky")
                ? new Decision.Ask(List.of("owner"), because, "ab")
                : tool.endsWith(".undecided")
                    ? new Decision.Failed("Cedar is away", "ab")
                    : new Decision.Permit(because, "ab");
    if (!(decision instanceof Decision.Permit)) {
      return Use.of(
          new Judged(id, decision, Optional.empty()), epoch, Optional.empty(), new CutOff());
    }
    meanwhile.run();
    var _ = underWay.incrementAndGet();
    Allowed allowed = new Allowed(id, because, () -> {}, underWay::decrementAndGet);
    return Use.of(
        new Judged(id, decision, Optional.of(allowed)),
        epoch,
        Optional.of(
            new Issued(
                new Held(
                    CredentialId.random(),
                    epoch,
                    "g",
                    "db",
                    new LeaseId("database/creds/g/x"),
                    "user",
                    Held.Kind.POSTGRES_ROLE,
                    Held.State.ACTIVE,
                    NOON,
                    NOON.plusSeconds(60),
                    Optional.empty()),
                new Target.Postgres("db", "test", "127.0.0.1", 5432, "orders", false),
                SecretBytes.adopt(SECRET.getBytes(UTF_8)))),
        new CutOff());
  }

  @Override
  public void refused(Peer peer, Optional<TaskId> task, Fault fault) {
    refused.add(fault);
  }

  @Override
  public boolean decidesHere() {
    return true;
  }

  @Override
  public List<Decision> foresee(Peer peer, TaskId task, List<Act> acts) {
    throw new UnsupportedOperationException("no list goes through Envoy's door");
  }

  @Override
  public Optional<List<Decision>> foreseeUnasked(Peer peer, TaskId task, List<Act> acts) {
    throw new UnsupportedOperationException("no list goes through Envoy's door");
  }

  @Override
  public Optional<Standing> standing(TaskId task) {
    throw new UnsupportedOperationException("no list goes through Envoy's door");
  }
}
