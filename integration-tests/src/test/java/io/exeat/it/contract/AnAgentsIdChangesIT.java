package io.exeat.it.contract;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.exeat.base.Epoch;
import io.exeat.base.TaskId;
import io.exeat.credential.EpochToken;
import io.exeat.credential.vault.Change;
import io.exeat.credential.vault.VaultSetup;
import io.exeat.it.environment.OpenBao;
import io.exeat.task.AgentEntry;
import io.exeat.task.Catalogue;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** An agent that moves keeps its name and gets another SPIFFE ID; OpenBao follows the catalogue. */
final class AnAgentsIdChangesIT {
  private static final String HOST = "spiffe://example.org/host/h1/agent/";
  private static final String CLUSTER = "spiffe://example.org/ns/agents/sa/";

  private final Exchange exchange = Exchange.begin();
  private final OpenBao bao = exchange.real.bao;

  @AfterEach
  void closeIt() {
    exchange.close();
    for (String name : List.of("mover", "keeper")) {
      bao.call("DELETE", "identity/entity/name/" + name, Map.of());
      bao.call("DELETE", "auth/token/roles/" + name, Map.of());
    }
  }

  @Test
  void theNewIdTakesTheFormersPlace() {
    AgentEntry before = agent("mover", HOST + "mover");
    AgentEntry after = agent("mover", CLUSTER + "mover");
    apply(before);
    EpochToken running = open(before);
    String entity = ownerOf(before);

    Change found = alias(after, Change.Kind.UPDATE, "name");
    assertThat(check(after)).contains(found);
    assertThat(ownerOf(before)).as("a check writes nothing").isEqualTo(entity);
    assertThat(apply(after)).contains(found);

    assertThat(ownerOf(after)).isEqualTo(entity);
    assertThat(ownerOf(before)).isEmpty();
    assertThat(check(after)).contains(alias(after, Change.Kind.SAME));
    exchange.backend.endToken(open(after).accessor());
    // What was begun under the former ID can still be ended.
    exchange.backend.endToken(running.accessor());
  }

  @Test
  void twoAgentsChangePlaces() {
    AgentEntry mover = agent("mover", HOST + "mover");
    AgentEntry keeper = agent("keeper", HOST + "keeper");
    apply(mover, keeper);
    String movers = ownerOf(mover);
    String keepers = ownerOf(keeper);

    AgentEntry first = agent("mover", HOST + "keeper");
    AgentEntry second = agent("keeper", HOST + "mover");
    assertThat(check(first, second))
        .contains(
            alias(first, Change.Kind.UPDATE, "canonical_id"),
            alias(second, Change.Kind.UPDATE, "canonical_id"));
    apply(first, second);
    assertThat(ownerOf(first)).isEqualTo(movers);
    assertThat(ownerOf(second)).isEqualTo(keepers);
    assertThat(check(first, second))
        .contains(alias(first, Change.Kind.SAME), alias(second, Change.Kind.SAME));
    exchange.backend.endToken(open(first).accessor());
    exchange.backend.endToken(open(second).accessor());
  }

  @Test
  void anAgentIsRenamed() {
    AgentEntry before = agent("mover", HOST + "mover");
    AgentEntry after = agent("keeper", HOST + "mover");
    apply(before);
    assertThat(apply(after)).contains(alias(after, Change.Kind.UPDATE, "canonical_id"));
    assertThat(ownerOf(after))
        .isEqualTo(
            bao.call("GET", "identity/entity/name/keeper", Map.of()).data().path("id").asText());
    exchange.backend.endToken(open(after).accessor());
  }

  @Test
  void aDisabledAgentStaysSoByAnyName() {
    AgentEntry before = agent("mover", HOST + "mover");
    apply(before);
    var _ = bao.call("POST", "identity/entity/name/mover", Map.of("disabled", true));
    AgentEntry renamed = agent("keeper", HOST + "mover");
    Change left = alias(renamed, Change.Kind.LEFT, "is of entity mover, which is disabled");
    assertThat(apply(renamed)).contains(left);
    assertThat(apply(renamed)).contains(left);
    assertThatThrownBy(() -> open(renamed)).hasMessageContaining("disabled");
    assertThat(apply(agent("mover", CLUSTER + "mover")))
        .contains(alias(agent("mover", CLUSTER + "mover"), Change.Kind.UPDATE, "name"));
    assertThatThrownBy(() -> open(agent("mover", CLUSTER + "mover")))
        .hasMessageContaining("disabled");
  }

  @Test
  void aRoleFollowsOnlyOnceTheEntityHas() {
    AgentEntry before = agent("mover", HOST + "mover");
    apply(before);
    AgentEntry other = agent("keeper", HOST + "keeper");
    apply(other, before);
    String kept =
        bao.call("GET", "identity/entity/name/keeper", Map.of())
            .data()
            .at("/aliases/0/id")
            .asText();
    OpenBao.Reply merged =
        bao.call(
            "POST",
            "identity/entity/merge",
            Map.of(
                "from_entity_ids",
                List.of(ownerOf(other)),
                "to_entity_id",
                ownerOf(before),
                "conflicting_alias_ids_to_keep",
                List.of(kept)));
    assertThat(merged.status()).as(merged.body().toString()).isLessThan(300);
    AgentEntry after = agent("mover", CLUSTER + "mover");
    assertThatThrownBy(() -> apply(after))
        .hasMessageContaining("entity mover has 2 aliases at token/");
    assertThat(bao.call("GET", "auth/token/roles/mover", Map.of()).data().toString())
        .contains(before.id().toString())
        .doesNotContain(after.id().toString());
    bao.call("DELETE", "identity/entity/name/mover", Map.of());
    apply(after);
    exchange.backend.endToken(open(after).accessor());
  }

  private static AgentEntry agent(String name, String id) {
    return Real.agent(name, id, Set.of(Exchange.READ.name()));
  }

  private EpochToken open(AgentEntry agent) {
    return exchange.backend.openEpoch(
        new Epoch(TaskId.random(), 1),
        List.of(),
        agent,
        List.of(Exchange.READ),
        Duration.ofMinutes(5));
  }

  /** The entity that OpenBao knows by the agent's ID, or an empty text. */
  private String ownerOf(AgentEntry agent) {
    String accessor =
        bao.call("GET", "sys/auth", Map.of()).data().path("token/").path("accessor").asText();
    return bao.call(
            "POST",
            "identity/lookup/entity",
            Map.of("alias_name", agent.id().toString(), "alias_mount_accessor", accessor))
        .data()
        .path("id")
        .asText();
  }

  private static Change alias(AgentEntry agent, Change.Kind kind, String... fields) {
    return new Change("identity/entity-alias " + agent.id() + " at token/", kind, List.of(fields));
  }

  private List<Change> apply(AgentEntry... agents) {
    try (VaultSetup operator = exchange.real.operator()) {
      return operator.apply(beside(agents));
    }
  }

  private List<Change> check(AgentEntry... agents) {
    try (VaultSetup operator = exchange.real.operator()) {
      return operator.check(beside(agents));
    }
  }

  /** The usual catalogue with these agents beside its own. */
  private Catalogue beside(AgentEntry... agents) {
    Catalogue usual = exchange.catalogue;
    Map<String, AgentEntry> all = new HashMap<>(usual.agents());
    Stream.of(agents).forEach(agent -> all.put(agent.name(), agent));
    return new Catalogue(usual.targets(), usual.grants(), usual.intents(), all, usual.tools());
  }
}
