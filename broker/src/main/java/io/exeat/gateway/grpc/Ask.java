package io.exeat.gateway.grpc;

import io.exeat.base.CredentialId;
import io.exeat.base.TaskId;
import io.exeat.flow.OpenTask;
import io.exeat.policy.Act;
import io.exeat.task.EndCause;
import io.exeat.v1.CancelRequest;
import io.exeat.v1.ChangeScopeRequest;
import io.exeat.v1.CheckRequest;
import io.exeat.v1.CompleteRequest;
import io.exeat.v1.GetRequest;
import io.exeat.v1.IssueRequest;
import io.exeat.v1.OpenRequest;
import io.exeat.v1.ReleaseRequest;
import io.exeat.v1.WatchRequest;
import java.util.Set;

/**
 * What an agent asks, read and checked: a broker acts on it; a relay has it checked here too, so
 * that a request is refused for the same field in both forms.
 *
 * <p>Reading throws {@link io.exeat.base.FaultException} Malformed, in the order of the fields.
 */
public final class Ask {

  private Ask() {}

  public static OpenTask open(OpenRequest request) {
    return Parse.open(request);
  }

  /** See {@code task.proto}. */
  public record Change(TaskId task, Set<String> scope, long epoch) {
    public static Change of(ChangeScopeRequest request) {
      return new Change(
          new TaskId(request.getTaskId()),
          Parse.scope(request.getScopeList()),
          Parse.epoch(request.getEpoch()));
    }
  }

  /** Complete, and Cancel. */
  public record End(TaskId task, EndCause cause, String note) {
    public static End of(CompleteRequest request) {
      return new End(new TaskId(request.getTaskId()), EndCause.COMPLETED, "");
    }

    /**
     * @param mayBeGone whether the caller can be a sidecar that speaks for a process that has gone
     */
    public static End of(CancelRequest request, boolean mayBeGone) {
      TaskId task = new TaskId(request.getTaskId());
      String note = Parse.note(request.getNote());
      if (request.getAgentGone() && !mayBeGone) {
        throw Text.malformed("agent_gone", "must be false: the caller is there");
      }
      return new End(task, request.getAgentGone() ? EndCause.AGENT_GONE : EndCause.CANCELLED, note);
    }
  }

  /** See {@code task.proto}. */
  public record Get(TaskId task) {
    public static Get of(GetRequest request) {
      return new Get(new TaskId(request.getTaskId()));
    }
  }

  /** See {@code task.proto}. */
  public record Watch(TaskId task, long after) {
    public static Watch of(WatchRequest request) {
      return new Watch(new TaskId(request.getTaskId()), Parse.after(request.getAfter()));
    }
  }

  /** See {@code decision.proto}. */
  public record Check(TaskId task, Act act) {
    public static Check of(CheckRequest request) {
      return new Check(new TaskId(request.getTaskId()), ParseAct.of(request));
    }
  }

  /** See {@code credential.proto}. */
  public record Issue(TaskId task, String grant, long epoch, String idempotencyKey) {
    public static Issue of(IssueRequest request) {
      return new Issue(
          new TaskId(request.getTaskId()),
          Parse.grant(request.getGrant()),
          Parse.epochOrCurrent(request.getEpoch()),
          Parse.idempotencyKey(request.getIdempotencyKey()));
    }
  }

  /** See {@code credential.proto}. */
  public record Release(TaskId task, CredentialId credential) {
    public static Release of(ReleaseRequest request) {
      return new Release(
          new TaskId(request.getTaskId()), new CredentialId(request.getCredentialId()));
    }
  }
}
