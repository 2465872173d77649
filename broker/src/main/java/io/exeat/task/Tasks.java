package io.exeat.task;

import io.exeat.attest.Agent;
import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import io.exeat.base.Subscription;
import io.exeat.base.TaskId;
import io.exeat.base.Time;
import io.spiffe.spiffeid.SpiffeId;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.stream.Collectors;

/**
 * The tasks of this broker, in memory: what is durable of them stands in the journal and the audit
 * chain.
 *
 * <p>A task goes OPENING → OPEN ⇄ CHANGING → ENDING → ENDED and never back; only OPEN lets work be
 * done under it. An agent sees its own tasks only: another's is {@code NoSuchTask}.
 */
public final class Tasks {
  /** How long an ended task is remembered. */
  public static final Duration REMEMBERED = Duration.ofHours(1);

  /**
   * How many ended tasks of one agent are remembered, so that opening and ending fills no memory.
   */
  public static final int REMEMBERED_OF_ONE = 256;

  private final Time time;
  private final ConcurrentMap<TaskId, Life> lives = new ConcurrentHashMap<>();

  /** Of each task, its parts that are not ended. */
  private final Grouped<TaskId> children = new Grouped<>();

  /** Of each agent, its tasks that are not ended. */
  private final Grouped<SpiffeId> open = new Grouped<>();

  public Tasks(Time time) {
    this.time = time;
  }

  /**
   * A new task in OPENING: it counts against its agent's limit, nobody has its handle, and it is in
   * flight until {@link #opened} or {@link #notOpened}.
   *
   * <p>One that is to be a part of another is opened while that one is held OPEN, so that a parent
   * which ends or changes its scope either has it or refuses it.
   *
   * @throws FaultException Exhausted when the agent has as many open tasks as its entry allows;
   *     NoSuchTask, TaskEnded, ScopeChanging of the parent; or as {@link Lineage}
   */
  public synchronized Task opening(Plan plan) {
    if (open.of(plan.agent().id()).size() >= plan.entry().budget().openTasks()) {
      throw new FaultException(
          new Fault.Exhausted(
              "open tasks of " + plan.entry().name(), plan.entry().budget().openTasks()));
    }
    Task fresh = plan.task(time);
    return plan.parent()
        .map(parent -> below(owned(plan.agent(), parent), fresh))
        .orElseGet(() -> begin(fresh));
  }

  private Task below(Life parent, Task fresh) {
    Lineage.requireLevel(parent.task(), this::find);
    return parent.whileOpen(above -> {
      Lineage.requireWithin(above, fresh, time);
      children.add(above.id(), fresh.id());
      return begin(fresh);
    });
  }

  private Task begin(Task fresh) {
    lives.put(fresh.id(), new Life(fresh, time));
    open.add(fresh.agent().id(), fresh.id());
    return fresh;
  }

  /**
   * OPENING becomes OPEN, and is not in flight any more. False when the task was ended meanwhile.
   */
  public boolean opened(TaskId id) {
    return life(id).opened();
  }

  /** What set an OPENING task up has failed and does no more; the task is to be ended. */
  public void notOpened(TaskId id) {
    life(id).notOpened();
  }

  /**
   * Runs {@code body} under the task's open epoch. Closing the epoch waits for it; if the epoch was
   * closed meanwhile, its result is refused.
   *
   * @param epoch the one that the caller believes to be open; 0 for whichever is
   * @throws FaultException NoSuchTask, TaskEnded, EpochClosed, ScopeChanging
   */
  public <T> T during(Agent agent, TaskId id, long epoch, Function<Task, T> body) {
    try (Stay stay = enter(agent, id, epoch)) {
      T result = body.apply(stay.task());
      stay.requireStillOpen();
      return result;
    }
  }

  /** As {@link #during}, for work that goes on when this returns: until the stay is closed. */
  public Stay enter(Agent agent, TaskId id, long epoch) {
    return owned(agent, id).enter(epoch);
  }

  /**
   * OPEN becomes CHANGING: the epoch is closed, what is in flight under it will be refused, and
   * {@code scope} is what the next epoch will hold.
   *
   * @param epoch the one that the caller believes to be open
   * @return the task as CHANGING, or empty when exactly this change is under way or was the last
   *     one made
   * @throws FaultException NoSuchTask, TaskEnded, EpochClosed, ScopeChanging (another change is
   *     under way, of the task or of its parent), OutOfScope of the parent
   */
  public Optional<Task> closeEpoch(Agent agent, TaskId id, Set<String> scope, long epoch) {
    Life life = owned(agent, id);
    return life.task()
        .parent()
        .map(lives::get) // forgotten only when it and all of its parts have ended
        .map(parent ->
            parent.whileOpen(above -> {
              Lineage.requireScope(above, scope);
              return life.closeEpoch(scope, epoch);
            }))
        .orElseGet(() -> life.closeEpoch(scope, epoch));
  }

  /**
   * OPEN becomes CHANGING with the same scope, because the epoch's token had to end. Empty when not
   * OPEN.
   */
  public Optional<Task> replaceEpoch(TaskId id, long epoch) {
    return life(id).replaceEpoch(epoch);
  }

  /** CHANGING becomes OPEN in the new epoch. False when the task was ended meanwhile. */
  public boolean openEpoch(TaskId id) {
    return life(id).openEpoch();
  }

  /**
   * Waits until nothing runs under a closed epoch any more, at most {@code atMost}; whether that is
   * so.
   */
  public boolean drained(TaskId id, Duration atMost) {
    return life(id).drained(atMost);
  }

  /** Anything before ENDING becomes ENDING. Empty when it was ENDING or ENDED already. */
  public Optional<Task> ending(TaskId id, EndCause cause) {
    Life life = lives.get(id);
    return life == null ? Optional.empty() : life.ending(cause);
  }

  /** ENDING becomes ENDED: everything that it ever held is proven dead. */
  public Task ended(TaskId id) {
    Task ended = life(id).ended();
    ended.parent().ifPresent(parent -> children.remove(parent, id));
    open.remove(ended.agent().id(), id);
    return ended;
  }

  /** The parts of a task that have not ended, without their own. */
  public List<Task> below(TaskId id) {
    return children.of(id).stream()
        .flatMap(child -> find(child).stream())
        .filter(child -> child.state() != Task.State.ENDED)
        .toList();
  }

  /** The task that this one is, through however many others, a part of; or itself. */
  public Task root(Task task) {
    Task root = task;
    for (Optional<Task> above = parent(root); above.isPresent(); above = parent(root)) {
      root = above.get();
    }
    return root;
  }

  private Optional<Task> parent(Task task) {
    return task.parent().flatMap(this::find);
  }

  /** Tells watchers, once, that the deadline is near. */
  public void warn(TaskId id) {
    life(id).warn();
  }

  /** Takes in a task that another run of the broker left behind, as ENDING. */
  public void settle(Task left) {
    var _ = begin(left);
  }

  /**
   * The agent's own task.
   *
   * @throws FaultException NoSuchTask
   */
  public Task get(Agent agent, TaskId id) {
    return owned(agent, id).task();
  }

  /** The task and those that it is a part of, one in the other; the outermost one is the last. */
  public List<TaskId> lineage(TaskId id) {
    return Lineage.of(id, this::find);
  }

  /** Anybody's task: for operators and for the broker's own work. */
  public Optional<Task> find(TaskId id) {
    return Optional.ofNullable(lives.get(id)).map(Life::task);
  }

  /** Every task remembered, newest first. */
  public List<Task> all() {
    return lives.values().stream()
        .map(Life::task)
        .sorted(Comparator.comparing(Task::openedAt).reversed())
        .toList();
  }

  /**
   * Gives a snapshot at once and every event after it, in order, until the task has ended.
   *
   * @param after the number of an event, to be given those that came after it in place of the
   *     snapshot, if they are remembered; 0 for none
   * @throws FaultException NoSuchTask, Malformed
   */
  public Subscription watch(Agent agent, TaskId id, long after, Consumer<TaskEvent> listener) {
    return owned(agent, id).watch(after, listener);
  }

  /** Every task that is not ended, in no order. */
  public List<Task> live() {
    return lives.values().stream()
        .map(Life::task)
        .filter(task -> task.state() != Task.State.ENDED)
        .toList();
  }

  /**
   * Drops tasks that ended longer ago than {@link #REMEMBERED}, and of each agent's all but the
   * {@link #REMEMBERED_OF_ONE} that ended last; says which.
   */
  public List<TaskId> forget() {
    Map<SpiffeId, List<Life>> ended =
        lives.values().stream()
            .filter(life -> life.task().state() == Task.State.ENDED)
            .collect(Collectors.groupingBy(life -> life.task().agent().id()));
    List<TaskId> old = new ArrayList<>();
    for (List<Life> ofOne : ended.values()) {
      ofOne.sort(Life.LATEST_END_FIRST);
      for (int i = 0; i < ofOne.size(); i++) {
        if (i >= REMEMBERED_OF_ONE || ofOne.get(i).isOld()) {
          old.add(ofOne.get(i).task().id());
        }
      }
    }
    old.forEach(lives::remove);
    return old;
  }

  private Life owned(Agent agent, TaskId id) {
    Life life = lives.get(id);
    if (life == null || !isOwner(agent, life.task())) {
      throw new FaultException(new Fault.NoSuchTask(id));
    }
    return life;
  }

  private static boolean isOwner(Agent agent, Task task) {
    return switch (task.binding()) {
      case PROCESS -> task.agent().equals(agent);
      case IDENTITY -> task.agent().id().equals(agent.id());
    };
  }

  private Life life(TaskId id) {
    return Optional.ofNullable(lives.get(id))
        .orElseThrow(() -> new FaultException(new Fault.NoSuchTask(id)));
  }
}
