package io.exeat.approve;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.exeat.base.DecisionId;
import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import io.exeat.base.Time;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * Calls that wait for people, and what these said. A yes is for one call, once, and for a short
 * time; a no holds for an hour, for the call that it was said to.
 *
 * <p>In memory alone: a restart ends every task, and with it what was asked for it. Bounded: an
 * agent's oldest request makes room for its newest.
 */
public final class Approvals {
  /** How long a request waits for people. */
  public static final Duration WAITS = Duration.ofHours(1);

  /** The longest that a yes can be valid. */
  public static final Duration LONGEST = Duration.ofHours(1);

  /** Requests of one agent. */
  static final int EACH = 16;

  /** Requests of all agents. */
  static final int ALL = 512;

  /** Calls of one agent that people said no to. */
  private static final int NOES = 256;

  /** Characters of one request: more, no person reads. */
  public static final int MOST = 48 << 10;

  private final Time time;
  private final Map<Call, Waiting> waiting = new LinkedHashMap<>();
  private final Map<Call, No> noes = new LinkedHashMap<>();

  private record No(String why, long voidAt) {}

  public Approvals(Time time) {
    this.time = time;
  }

  /**
   * Has people asked. A call that waits already waits on, under this decision's name too. When
   * policy asks for more than it did, or for something else, it is a new request, which nobody said
   * yes to before it was seen; what was said to that which is asked for still counts.
   *
   * @param task that the call is of
   * @return why no person will say yes, when none will
   */
  public synchronized Optional<String> ask(
      DecisionId id, String task, Call call, List<ObjectNode> questions, Stages stages) {
    tidy();
    No no = noes.get(call);
    if (no != null) {
      return Optional.of(no.why());
    }
    Waiting there = waiting.get(call);
    if (there == null || !stages.begin(there.stages())) {
      int length = questions.stream().mapToInt(it -> it.toString().length()).sum();
      if (length > MOST) {
        return Optional.of(
            "it needs a person's yes, and is longer than the %,d characters that one is shown"
                .formatted(MOST));
      }
      there = anew(id, task, call, questions, stages, there);
    }
    there.name(id);
    return Optional.empty();
  }

  private Waiting anew(
      DecisionId id,
      String task,
      Call call,
      List<ObjectNode> questions,
      Stages stages,
      @Nullable Waiting before) {
    if (before == null) {
      makeRoom(call.agent());
    }
    List<Approval> said = before == null ? List.of() : stages.stillSaid(before);
    Waiting fresh =
        new Waiting(
            stages,
            new ApprovalRequest(
                id,
                task,
                call,
                questions,
                stages.because(),
                stages.approvers(),
                said,
                time.now(),
                time.now().plus(WAITS)),
            time.after(WAITS));
    if (before != null) {
      fresh.endAs(before);
    }
    waiting.remove(call);
    waiting.put(call, fresh);
    return fresh;
  }

  /** Those that wait for somebody, or for their use; oldest first. */
  public synchronized List<ApprovalRequest> waiting() {
    tidy();
    return waiting.values().stream().map(it -> it.request()).toList();
  }

  /**
   * The request that one of its decisions names.
   *
   * @throws FaultException NoSuchApproval when it is unknown, used, void or was refused
   */
  public synchronized ApprovalRequest find(DecisionId id) {
    tidy();
    return named(id).request();
  }

  /**
   * A person says yes, as one of those whom the request needs. Whoever said yes already says no
   * other yes to it: two that it needs are two people's.
   *
   * @param end of the yes, on the monotonic clock
   * @return as it is now
   * @throws FaultException NoSuchApproval as {@link #find}; Denied for a second yes
   */
  public synchronized ApprovalRequest approve(DecisionId id, Approval yes, long end) {
    tidy();
    Waiting it = named(id);
    if (it.request().approvals().stream().anyMatch(other -> other.by().equals(yes.by()))) {
      throw new FaultException(
          new Fault.Denied(
              yes.by() + " has said yes to " + id + " already; what is missing, others say"));
    }
    List<Approval> approvals = new ArrayList<>(it.request().approvals());
    approvals.removeIf(old -> old.as().equals(yes.as()));
    approvals.add(yes);
    it.said(approvals, yes.as(), end);
    return it.request();
  }

  /**
   * A person says no: what was said before is void, and so is a repeat of the call.
   *
   * @param why for the agent
   * @throws FaultException NoSuchApproval as {@link #find}
   */
  public synchronized void reject(DecisionId id, String why) {
    tidy();
    Waiting it = named(id);
    waiting.remove(it.request().call());
    noes.put(it.request().call(), new No(why, time.after(WAITS)));
    List<Call> of = of(noes, it.request().call().agent());
    if (of.size() > NOES) {
      noes.remove(of.getFirst());
    }
  }

  /**
   * Whether all whom these stages need have said yes to the call, and it was not used yet.
   *
   * @param stages as the policies of now ask
   * @param counts whether what somebody said still does
   */
  public synchronized boolean isApproved(Call call, Stages stages, Predicate<Approval> counts) {
    return whole(call, stages, counts).isPresent();
  }

  /** Uses up what people said to the call, once; as {@link #isApproved}. */
  public synchronized Optional<ApprovalRequest> use(
      Call call, Stages stages, Predicate<Approval> counts) {
    Optional<ApprovalRequest> whole = whole(call, stages, counts);
    whole.ifPresent(it -> waiting.remove(call));
    return whole;
  }

  private Optional<ApprovalRequest> whole(Call call, Stages stages, Predicate<Approval> counts) {
    tidy();
    List<String> approvers = stages.approvers();
    return Optional.ofNullable(waiting.get(call))
        .filter(it -> stages.begin(it.stages()))
        .map(it -> it.request())
        .map(it -> Waiting.with(it, approvers, it.approvals().stream().filter(counts).toList()))
        .filter(it -> it.missing().isEmpty());
  }

  /** Forgets what these agents or tasks asked for. */
  public synchronized void forget(Predicate<ApprovalRequest> which) {
    waiting.values().removeIf(it -> which.test(it.request()));
  }

  private Waiting named(DecisionId id) {
    return waiting.values().stream()
        .filter(it -> it.isNamed(id))
        .findAny()
        .orElseThrow(() -> new FaultException(new Fault.NoSuchApproval(id)));
  }

  private void tidy() {
    noes.values().removeIf(it -> time.reached(it.voidAt()));
    waiting.values().removeIf(it -> it.isVoid(time));
    waiting.values().forEach(it -> it.tidy(time));
  }

  private void makeRoom(String agent) {
    List<Call> of = of(waiting, agent);
    if (of.size() >= EACH) {
      waiting.remove(leastMissed(of));
    } else if (waiting.size() >= ALL) {
      waiting.remove(leastMissed(List.copyOf(waiting.keySet())));
    }
  }

  /** The oldest that nobody has said yes to; else the oldest. */
  private Call leastMissed(List<Call> calls) {
    return calls.stream()
        .filter(it -> unanswered(waiting.get(it)))
        .findFirst()
        .orElseGet(calls::getFirst);
  }

  private static boolean unanswered(@Nullable Waiting it) {
    return it != null && it.request().approvals().isEmpty();
  }

  private static List<Call> of(Map<Call, ?> calls, String agent) {
    return calls.keySet().stream().filter(it -> it.agent().equals(agent)).toList();
  }
}
