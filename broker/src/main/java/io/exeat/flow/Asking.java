package io.exeat.flow;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.exeat.approve.Approval;
import io.exeat.approve.Call;
import io.exeat.approve.Stages;
import io.exeat.audit.AuditEvent;
import io.exeat.audit.AuditSink;
import io.exeat.base.DecisionId;
import io.exeat.base.Durable;
import io.exeat.base.FaultException;
import io.exeat.base.TaskId;
import io.exeat.policy.Action;
import io.exeat.policy.Answer;
import io.exeat.policy.Arguments;
import io.exeat.policy.Decision;
import io.exeat.policy.PolicyEngine;
import io.exeat.policy.Question;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;

/**
 * Asks policy, and people where policy asks for them; has recorded what came of it. What policy
 * says to several questions of one act holds for all of them together.
 */
final class Asking {
  private final PolicyEngine policy;
  private final AuditSink audit;
  private final Refusals refusals;
  private final Approving approving;

  Asking(PolicyEngine policy, AuditSink audit, Refusals refusals, Approving approving) {
    this.policy = policy;
    this.audit = audit;
    this.refusals = refusals;
    this.approving = approving;
  }

  /**
   * An answer, and its record: to be awaited for a permit; what permits nothing is recorded soon.
   */
  record Said(DecisionId id, Decision decision, Durable recorded) {
    /**
     * @throws FaultException Denied, or Unavailable POLICY, when it is none
     */
    Durable permit() {
      Judged.requirePermit(id, decision);
      return recorded;
    }
  }

  /** Whether asking waits neither for an engine elsewhere nor for a disk that has a problem. */
  boolean isFromMemory() {
    return isHere() && audit.problem().isEmpty();
  }

  /** Whether policy is asked in this process, and waits for nobody. */
  boolean isHere() {
    return policy.isHere();
  }

  /** What policy would say now, without anything on record. */
  Decision foresee(List<Question> asked) {
    return Decision.together(asked.stream().map(this::foresee).toList());
  }

  /**
   * What is given is not known yet; but a reading without arguments reads nothing in particular.
   */
  private Decision foresee(Question asked) {
    return asked.action() == Action.READ || !asked.arguments().equals(Arguments.NONE)
        ? policy.decide(asked)
        : policy.foresee(asked);
  }

  /**
   * Asks policy, and has people asked where it wants them; a yes that is held is used up by what it
   * permits.
   *
   * @param asked all of one act, one at least
   * @param beside what no question has of what a person would say yes to
   */
  Said ask(DecisionId id, TaskId task, List<Question> asked, List<String> beside) {
    List<Answer> answers = answers(asked);
    Decision together = together(answers);
    if (!(together instanceof Decision.Ask people)) {
      return said(id, task, asked, answers, together);
    }
    List<ObjectNode> documents = answers.stream().map(Answer::question).toList();
    Waits call = new Waits(id, task, asked, documents, Call.of(documents, people, beside));
    return after(call, new Stages(List.of(people)), answers);
  }

  /**
   * A call that people are asked about.
   *
   * @param documents the questions, as nobody had said anything yet
   */
  private record Waits(
      DecisionId id, TaskId task, List<Question> asked, List<ObjectNode> documents, Call call) {}

  /** What holds once policy has asked for these stages, the last of them in these answers. */
  private Said after(Waits it, Stages stages, List<Answer> answers) {
    List<String> held = stages.approvers();
    Predicate<Approval> counts = yes -> approving.counts(it.call().agent(), yes);
    if (!approving.approvals().isApproved(it.call(), stages, counts)) {
      return waits(it, stages, answers);
    }
    List<Answer> again = answers(it.asked().stream().map(q -> q.with(Set.copyOf(held))).toList());
    Decision now = together(again);
    boolean same = again.stream().allMatch(each -> isOf(it.call(), each));
    return switch (now) {
      case Decision.Permit _ ->
          same
              ? use(it, stages, counts, again, now).orElseGet(() -> waits(it, stages, answers))
              : waits(it, stages, answers); // others decide than those that asked
      case Decision.Ask more when !same -> said(it.id(), it.task(), it.asked(), again, more);
      case Decision.Ask more when held.containsAll(more.approvers()) ->
          said(it.id(), it.task(), it.asked(), again, nothingLifts(more));
      case Decision.Ask more -> after(it, stages.and(more), again);
      case Decision.Deny _, Decision.Failed _ -> said(it.id(), it.task(), it.asked(), again, now);
    };
  }

  private static boolean isOf(Call call, Answer answer) {
    return answer.decision().policy().equals(call.policy());
  }

  /** A policy that asks for what it has would ask for ever. */
  private static Decision nothingLifts(Decision.Ask ask) {
    String why =
        "policy asks for the yes of %s, has it, and asks again: its @ask lifts nothing"
            .formatted(String.join(" and ", ask.approvers()));
    return new Decision.Deny(why, ask.because(), ask.policy());
  }

  /** People are asked, unless they said no already, or there are none. */
  private Said waits(Waits it, Stages stages, List<Answer> answers) {
    Decision.Ask people = stages.asked().getLast();
    Decision decision =
        approving
            .nobodyCan(it.call().agent(), stages.approvers())
            .or(() ->
                approving
                    .approvals()
                    .ask(it.id(), it.task().value(), it.call(), it.documents(), stages))
            .<Decision>map(why -> new Decision.Deny(why, people.because(), people.policy()))
            .orElse(people);
    return said(it.id(), it.task(), it.asked(), answers, decision);
  }

  /** What people said yes to, this once; empty when it was used meanwhile. */
  private Optional<Said> use(
      Waits it, Stages stages, Predicate<Approval> counts, List<Answer> answers, Decision permit) {
    return approving
        .approvals()
        .use(it.call(), stages, counts)
        .map(used -> {
          Durable use =
              audit.begin(
                  new AuditEvent.ApprovalUsed(used.id(), it.id(), it.task(), it.call().sha256()));
          Durable decided = said(it.id(), it.task(), it.asked(), answers, permit).recorded();
          return new Said(
              it.id(),
              permit,
              () -> {
                use.await();
                decided.await();
              });
        });
  }

  private Said said(
      DecisionId id, TaskId task, List<Question> asked, List<Answer> answers, Decision together) {
    String agent = asked.getFirst().agent().id();
    AuditEvent event = new AuditEvent.Decided(id, task, agent, answers);
    if (together instanceof Decision.Permit) {
      return new Said(id, together, audit.begin(event));
    }
    refusals.add(agent, event);
    return new Said(id, together, () -> {});
  }

  private List<Answer> answers(List<Question> asked) {
    return asked.stream().map(this::answer).toList();
  }

  private Answer answer(Question question) {
    return Answer.of(question, policy.decide(question));
  }

  private static Decision together(List<Answer> answers) {
    return Decision.together(answers.stream().map(Answer::decision).toList());
  }
}
