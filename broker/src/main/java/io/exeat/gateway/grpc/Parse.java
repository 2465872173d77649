package io.exeat.gateway.grpc;

import io.exeat.approve.Approvals;
import io.exeat.base.FaultException;
import io.exeat.base.TaskId;
import io.exeat.flow.Named;
import io.exeat.flow.OpenTask;
import io.exeat.identity.SpiffeIds;
import io.exeat.task.Binding;
import io.exeat.task.Intent;
import io.exeat.v1.ApproveRequest;
import io.exeat.v1.ListRequest;
import io.exeat.v1.OpenRequest;
import io.exeat.v1.RevokeRequest;
import io.spiffe.spiffeid.SpiffeId;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * From the wire to the words of {@code flow}, once. Every limit that the protos state is checked
 * here, and nothing that passed is looked at again.
 *
 * <p>All methods throw {@link io.exeat.base.FaultException} Malformed, naming the field as the
 * proto does and the allowed range.
 */
final class Parse {

  static final int NOTE_BYTES = 4096;
  static final int PARAMETERS = 32;
  static final int PARAMETER_BYTES = 1024;
  static final int SCOPE = 64;
  static final Duration LONGEST_LIFETIME = Duration.ofDays(366);

  private static final Duration YES_DEFAULT = Duration.ofMinutes(5);
  private static final int LIST_DEFAULT = 100;
  private static final int LIST_MOST = 1000;
  private static final int LEASE_LENGTH = 512;

  private Parse() {}

  static TaskId task(String value) {
    return new TaskId(value);
  }

  static String grant(String value) {
    return Text.name("grant", value);
  }

  static String note(String value) {
    return Text.free("note", value, NOTE_BYTES);
  }

  static String idempotencyKey(String value) {
    return Text.idempotencyKey(value);
  }

  /** The epoch that a change starts from. */
  static long epoch(long value) {
    if (value < 1) {
      throw Text.malformed(
          "epoch", "must be 1 to 2^63-1: the task's current epoch, as Get shows it");
    }
    return value;
  }

  /** The epoch that a credential is asked for, 0 for whichever is current. */
  static long epochOrCurrent(long value) {
    if (value < 0) {
      throw Text.malformed("epoch", "must be 0 (whichever is current) to 2^63-1");
    }
    return value;
  }

  /** The last event that a watcher has seen, 0 for none. */
  static long after(long value) {
    if (value < 0) {
      throw Text.malformed("after", "must be 0, or the number of an event of this task");
    }
    return value;
  }

  static OpenTask open(OpenRequest request) {
    OpenTask ask = openOnly(request);
    if (ask.issue().isPresent() && !ask.scope().contains(ask.issue().get())) {
      throw Text.malformed("issue", "must be a grant of scope, or empty");
    }
    return ask;
  }

  private static OpenTask openOnly(OpenRequest request) {
    return new OpenTask(
        new Intent.Declared(
            Text.name("intent", request.getIntent()), parameters(request.getParametersMap())),
        scope(request.getScopeList()),
        lifetime(request),
        note(request.getNote()),
        idempotencyKey(request.getIdempotencyKey()),
        binding(request.getBinding()),
        parent(request.getParentTaskId()),
        Optional.of(request.getIssue())
            .filter(grant -> !grant.isEmpty())
            .map(grant -> Text.name("issue", grant)));
  }

  private static Optional<TaskId> parent(String value) {
    try {
      return value.isEmpty() ? Optional.empty() : Optional.of(task(value));
    } catch (FaultException e) {
      throw Text.malformed(
          "parent_task_id", "must be a task's identifier as Exeat gave it, or empty");
    }
  }

  private static Map<String, String> parameters(Map<String, String> asked) {
    if (asked.size() > PARAMETERS) {
      throw Text.malformed("parameters", "must be at most " + PARAMETERS);
    }
    Map<String, String> parameters = new LinkedHashMap<>();
    asked.forEach((key, value) ->
        parameters.put(
            Text.name("parameters.key", key),
            Text.free("parameters." + key, value, PARAMETER_BYTES)));
    return parameters;
  }

  static Set<String> scope(List<String> asked) {
    if (asked.size() > SCOPE) {
      throw Text.malformed("scope", "must be at most " + SCOPE + " grants");
    }
    Set<String> scope = new LinkedHashSet<>();
    for (String grant : asked) {
      if (!scope.add(Text.name("scope", grant))) {
        throw Text.malformed("scope", "must name each grant once");
      }
    }
    return scope;
  }

  private static Duration lifetime(OpenRequest request) {
    var asked = request.getLifetime();
    boolean wellFormed =
        request.hasLifetime()
            && asked.getSeconds() >= 0
            && asked.getNanos() >= 0
            && asked.getNanos() <= 999_999_999
            && asked.getSeconds() <= LONGEST_LIFETIME.toSeconds();
    Duration lifetime =
        wellFormed ? Duration.ofSeconds(asked.getSeconds(), asked.getNanos()) : Duration.ZERO;
    if (lifetime.isZero() || lifetime.compareTo(LONGEST_LIFETIME) > 0) {
      throw Text.malformed(
          "lifetime",
          "must be more than 0 s and at most 366 days, with nanos of 0 to 999,999,999; the agent's"
              + " ceiling can be lower");
    }
    return lifetime;
  }

  private static Binding binding(io.exeat.v1.Binding asked) {
    return switch (asked) {
      case BINDING_UNSPECIFIED, BINDING_PROCESS -> Binding.PROCESS;
      case BINDING_IDENTITY -> Binding.IDENTITY;
      case UNRECOGNIZED ->
          throw Text.malformed("binding", "must be BINDING_PROCESS or BINDING_IDENTITY");
    };
  }

  static Optional<SpiffeId> agentOrAll(ListRequest request) {
    return request.getAgent().isEmpty()
        ? Optional.empty()
        : Optional.of(SpiffeIds.parseWorkload("agent", request.getAgent()));
  }

  static int limit(int asked) {
    // uint32: what is beyond 2^31-1 reads as negative.
    if (asked < 0 || asked > LIST_MOST) {
      throw Text.malformed("limit", "must be 1 to 1,000, or 0 for 100");
    }
    return asked == 0 ? LIST_DEFAULT : asked;
  }

  static Named named(RevokeRequest request) {
    return switch (request.getWhatCase()) {
      case TASK_ID -> new Named.One(task(request.getTaskId()));
      case TREE -> new Named.Tree(task(request.getTree()));
      case GRANT -> new Named.Holding(grant(request.getGrant()));
      case AGENT -> new Named.OfAgent(SpiffeIds.parseWorkload("agent", request.getAgent()));
      case LEASE -> new Named.Lease(lease(request.getLease()));
      case ALL -> {
        if (!request.getAll()) {
          throw Text.malformed("all", "must be true where it is set");
        }
        yield new Named.Everything();
      }
      case WHAT_NOT_SET ->
          throw Text.malformed("what", "must be one of task_id, tree, agent, lease, grant and all");
    };
  }

  static String reason(RevokeRequest request) {
    return Text.free("reason", request.getReason(), NOTE_BYTES);
  }

  static String reasonGiven(String value) {
    if (value.isBlank()) {
      throw Text.malformed("reason", "must say why, for the audit: 1 to 4,096 bytes");
    }
    return Text.free("reason", value, NOTE_BYTES);
  }

  /** How long a yes is good for. */
  static Duration validFor(ApproveRequest request) {
    if (!request.hasValidFor()) {
      return YES_DEFAULT;
    }
    var asked = request.getValidFor();
    boolean inRange =
        asked.getSeconds() >= 1
            && asked.getSeconds() <= Approvals.LONGEST.toSeconds()
            && asked.getNanos() >= 0
            && asked.getNanos() <= 999_999_999;
    Duration validFor =
        inRange ? Duration.ofSeconds(asked.getSeconds(), asked.getNanos()) : Duration.ZERO;
    if (validFor.isZero() || validFor.compareTo(Approvals.LONGEST) > 0) {
      throw Text.malformed("valid_for", "must be 1 s to 1 h, or absent for 5 minutes");
    }
    return validFor;
  }

  private static String lease(String value) {
    String allowed =
        "must be a credential's identifier or Vault's lease ID: 1 to 512 printable ASCII"
            + " characters, no empty, '.' or '..' segment, no '*'";
    Text.token("lease", value, LEASE_LENGTH, allowed);
    boolean strange =
        value.indexOf('*') >= 0 || value.indexOf('\\') >= 0 || value.indexOf('%') >= 0;
    for (String segment : value.split("/", -1)) {
      strange |= segment.isEmpty() || segment.equals(".") || segment.equals("..");
    }
    if (strange) {
      throw Text.malformed("lease", allowed);
    }
    return value;
  }
}
