package io.exeat.it.scenario;

import static org.assertj.core.api.Assertions.assertThat;

import io.exeat.it.environment.Client;
import io.exeat.it.environment.Deployment;
import io.exeat.it.environment.Stage;
import io.exeat.v1.CancelRequest;
import io.exeat.v1.Credential;
import io.exeat.v1.OpenRequest;
import io.exeat.v1.ReleaseRequest;
import io.exeat.v1.RevokeRequest;
import io.exeat.v1.Task;
import io.exeat.v1.TaskState;
import io.grpc.StatusRuntimeException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/**
 * Whatever an agent and an operator do: at every quiet point the roles in Postgres are those of the
 * open epochs' live credentials, no more and no fewer. {@code -Dexeat.seed=…} plays one run again.
 */
final class RandomStoriesIT extends Scenarios {
  private static final int OPERATIONS = Integer.getInteger("exeat.operations", 200);
  private static final int LOOK_EVERY = 8;
  private static final int MOST_TASKS = 6;

  private final long seed = Long.getLong("exeat.seed", System.nanoTime());
  private final Random random = new Random(seed);
  private final Map<String, Known> open = new LinkedHashMap<>();
  private final List<Credential> dead = new ArrayList<>();

  /** An open task as it should be. */
  private static final class Known {
    Task task;
    final List<Credential> live = new ArrayList<>();

    Known(Task task) {
      this.task = task;
    }
  }

  RandomStoriesIT() {
    super(Deployment.Form.ALL_IN_ONE);
  }

  @Test
  void rolesAreThoseOfTheOpenEpochs() {
    System.out.println("random stories: -Dexeat.seed=" + seed);
    try {
      for (int i = 1; i <= OPERATIONS; i++) {
        operate();
        if (i % LOOK_EVERY == 0) {
          look();
        }
      }
      List.copyOf(open.keySet()).forEach(this::end);
      look();
      outside.requireNothingLent();
    } catch (AssertionError | StatusRuntimeException e) {
      throw new AssertionError("with -Dexeat.seed=" + seed, e);
    }
  }

  private void operate() {
    if (open.isEmpty()) {
      openOne();
      return;
    }
    Known known = List.copyOf(open.values()).get(random.nextInt(open.size()));
    switch (random.nextInt(20)) {
      case 0, 1, 2 -> openOne();
      case 3, 4, 5, 6, 7, 8, 9 -> issue(known);
      case 10, 11, 12 -> changeScope(known);
      case 13, 14 -> release(known);
      case 15 -> end(known.task.getId());
      case 16 -> cancel(known);
      case 17 -> revoke(known);
      case 18 -> race(known);
      default -> revokeLease(known);
    }
  }

  private String[] anyScope() {
    return switch (random.nextInt(4)) {
      case 0 -> new String[] {};
      case 1 -> new String[] {Stage.READ};
      case 2 -> new String[] {Stage.WRITE};
      default -> new String[] {Stage.READ, Stage.WRITE};
    };
  }

  private void openOne() {
    if (open.size() < MOST_TASKS) {
      OpenRequest ask = Client.asking(anyScope()).build();
      Task task = client.tasks().open(ask);
      assertThat(client.tasks().open(ask).getId()).isEqualTo(task.getId());
      open.put(task.getId(), new Known(task));
    }
  }

  private void issue(Known known) {
    String grant = random.nextBoolean() ? Stage.READ : Stage.WRITE;
    try {
      known.live.add(client.issue(known.task, grant));
      assertThat(known.task.getScopeList()).contains(grant);
    } catch (StatusRuntimeException e) {
      assertThat(known.task.getScopeList()).doesNotContain(grant);
    }
  }

  private void changeScope(Known known) {
    String[] scope = anyScope();
    boolean same = new TreeSet<>(known.task.getScopeList()).equals(new TreeSet<>(List.of(scope)));
    Task changed = client.tasks().changeScope(LeaveScenarios.scope(known.task, scope));
    if (changed.getEpoch() != known.task.getEpoch()) {
      bury(known);
    } else {
      assertThat(same).as("only the same scope is no change").isTrue();
    }
    known.task = changed;
  }

  private void release(Known known) {
    if (!known.live.isEmpty()) {
      Credential gone = known.live.remove(random.nextInt(known.live.size()));
      assertThat(
              client
                  .credentials()
                  .release(
                      ReleaseRequest.newBuilder()
                          .setTaskId(gone.getTaskId())
                          .setCredentialId(gone.getId())
                          .build())
                  .getProvenDead())
          .isTrue();
      dead.add(gone);
    }
  }

  private void end(String id) {
    Known known = open.get(id);
    if (known != null) {
      assertThat(complete(known.task).getState()).isEqualTo(TaskState.TASK_STATE_ENDED);
      bury(known);
      open.remove(id);
    }
  }

  private void cancel(Known known) {
    var _ = client.tasks().cancel(CancelRequest.newBuilder().setTaskId(known.task.getId()).build());
    bury(known);
    open.remove(known.task.getId());
  }

  private void revoke(Known known) {
    var answer =
        operator.admin().revoke(RevokeRequest.newBuilder().setTaskId(known.task.getId()).build());
    assertThat(answer.getProvenDead()).isEqualTo(1);
    bury(known);
    open.remove(known.task.getId());
  }

  private void revokeLease(Known known) {
    if (!known.live.isEmpty()) {
      Credential gone = known.live.removeFirst();
      var answer =
          operator.admin().revoke(RevokeRequest.newBuilder().setLease(gone.getId()).build());
      assertThat(answer.getProvenDead()).isEqualTo(1);
      dead.add(gone);
    }
  }

  /** Issues while it ends: some come in time, and none is left. */
  private void race(Known known) {
    List<Thread> threads = new ArrayList<>();
    for (int i = 0; i < 3; i++) {
      threads.add(
          Thread.ofVirtual()
              .start(() -> {
                try {
                  var _ = client.issue(known.task, Stage.READ);
                } catch (StatusRuntimeException e) {
                  assertThat(e.getStatus()).isNotNull();
                }
              }));
    }
    end(known.task.getId());
    for (Thread thread : threads) {
      try {
        thread.join();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }
    outside.requireDead(known.task.getId());
  }

  private void bury(Known known) {
    dead.addAll(known.live);
    known.live.clear();
  }

  private void look() {
    List<Credential> live = open.values().stream().flatMap(it -> it.live.stream()).toList();
    assertThat(outside.roles())
        .containsExactlyInAnyOrderElementsOf(
            live.stream().map(it -> it.getDatabase().getUsername()).collect(Collectors.toSet()));
    assertThat(outside.leases(Stage.READ).size() + outside.leases(Stage.WRITE).size())
        .isEqualTo(live.size());
    assertThat(outside.sessions()).isEmpty();
    if (!live.isEmpty()) {
      Credential one = live.get(random.nextInt(live.size()));
      assertThat(outside.login(one.getDatabase())).isEmpty();
    }
    if (!dead.isEmpty()) {
      Credential one = dead.get(random.nextInt(dead.size()));
      assertThat(outside.login(one.getDatabase())).startsWith("28");
    }
  }
}
