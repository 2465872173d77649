package io.exeat.app;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.exeat.audit.AuditEvent;
import io.exeat.audit.file.FileAudit;
import io.exeat.base.DecisionId;
import io.exeat.base.TaskId;
import io.exeat.cli.Exit;
import io.exeat.policy.Answer;
import io.exeat.policy.CaseSuite;
import io.exeat.policy.Decision;
import io.exeat.policy.PolicyEngines;
import io.exeat.policy.QuestionJson;
import io.exeat.policy.cedar.CedarEngine;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

/** {@code exeat policy}, as typed. */
final class PolicyCommandTest {
  private static final String ALL = "@id(\"all\") permit (principal, action, resource);\n";
  private static final String RISKY =
      """
      @id("risky") @reason("too risky") forbid (principal, action, resource)
      when { context.risk > 50 && principal.tier == "standard" };
      """;

  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();

  @TempDir private Path folder;
  private Path before;
  private Path after;
  private final Map<String, String> environment = new HashMap<>();

  @BeforeEach
  void make() throws IOException {
    before = Files.createDirectory(folder.resolve("before"));
    after = Files.createDirectory(folder.resolve("after"));
    Files.writeString(before.resolve("all.cedar"), ALL);
    Files.writeString(after.resolve("all.cedar"), ALL + RISKY);
    Files.writeString(
        after.resolve("risk.cases.yaml"),
        """
        cases:
          - {name: no risk, change: {risk: 10}, expect: permit}
          - {name: risk, change: {risk: 60}, expect: deny, because: [risky]}
        """);
  }

  private int policy(Object... words) {
    return new CommandLine(
            new PolicyCommand(new PrintWriter(out, true), new PrintWriter(err, true), environment))
        .execute(Stream.of(words).map(Object::toString).toArray(String[]::new));
  }

  @Test
  void checkSaysWhatIsSoundAndItsHash() {
    assertThat(policy("check", "--folder", after)).isEqualTo(Exit.OK);
    assertThat(out.toString())
        .contains("sound: 2 policies from " + after)
        .containsPattern("hash: {2}[0-9a-f]{64}\n");
  }

  @Test
  void checkSaysEveryProblem() throws IOException {
    Files.writeString(
        after.resolve("more.cedar"),
        """
        @id("one") permit (principal, action, resource) when { principal.teir == "x" };
        @id("two") permit (principal, action, resource) when { context.risk == "high" };
        """);

    assertThat(policy("check", "--folder", after)).isEqualTo(Exit.CHECK_FAILED);
    assertThat(out.toString()).contains("one", "teir", "two");
  }

  @Test
  void aFolderThatIsNotThereIsAMistakeAndNoVerdict() {
    assertThat(policy("check", "--folder", folder.resolve("none"))).isEqualTo(Exit.USAGE);
    assertThat(err.toString()).startsWith("exeat: ").contains("none");
    assertThat(out.toString()).isEmpty();
  }

  @Test
  void testRunsTheCasesBesideThePolicies() throws IOException {
    assertThat(policy("test", "--folder", after)).isEqualTo(Exit.OK);
    assertThat(out.toString()).isEqualTo("2 cases, 0 decided otherwise\n");

    out.getBuffer().setLength(0);
    Files.writeString(after.resolve("all.cedar"), ALL);
    assertThat(policy("test", "--folder", after)).isEqualTo(Exit.CHECK_FAILED);
    assertThat(out.toString())
        .isEqualTo(
            """
            risk.cases.yaml: risk: expected deny by [risky], was permit by [all]
            2 cases, 1 decided otherwise
            """);
  }

  @Test
  void whatShipsPassesItsOwnCases() {
    assertThat(policy("test")).isEqualTo(Exit.OK);
    assertThat(out.toString()).endsWith(" cases, 0 decided otherwise\n");
  }

  /** A broker's, with {@code more} in place of what decides in it. */
  private void configured(String more) throws IOException {
    Path file =
        Files.writeString(
            folder.resolve("exeat.yaml"),
            """
            spiffe: {id: "spiffe://example.org/broker"}
            attestation: {mode: development, socket: /tmp/b.sock, agents: "spiffe://example.org/*"}
            %s
            """
                .formatted(more));
    environment.put("EXEAT_CONFIG", file.toString());
  }

  /** Every command that would decide, or judge, without a folder. */
  private void assertEachRefuses(String... says) throws Exception {
    Path question =
        Files.writeString(folder.resolve("question.json"), CaseSuite.example().toString());
    Path chain = chain();
    for (List<Object> words :
        List.<List<Object>>of(
            List.of("check"),
            List.of("test"),
            List.of("explain", "--question", question),
            List.of("explain", "--audit", chain, "--decision", "d00000000000000000060"),
            List.of("replay", "--audit", chain),
            List.of("diff", "--folder", after))) {
      err.getBuffer().setLength(0);
      assertThat(policy(words.toArray())).as("%s", words).isEqualTo(Exit.USAGE);
      assertThat(err.toString())
          .as("%s", words)
          .contains(says)
          .contains(words.getFirst().equals("diff") ? "with --from" : "with --folder");
      assertThat(out.toString()).as("%s", words).isEmpty();
    }
  }

  @Test
  void whatShipsIsNoAnswerWhereAnOpaServerDecides() throws Exception {
    configured(
        """
        vault: {address: "https://vault.example.org"}
        policy: {mode: opa, address: "http://opa.example.org:8181", decision: our/word}\
        """);
    assertEachRefuses(
        "exeat: by " + environment.get("EXEAT_CONFIG"),
        "policy.mode: opa",
        "http://opa.example.org:8181",
        "/v1/data/our/word");

    assertThat(policy("check", "--folder", after)).isEqualTo(Exit.OK);
  }

  @Test
  void whatShipsIsNoAnswerWhereAnotherBrokerDecides() throws Exception {
    configured("relay: {to: \"broker.example.org:8443\", broker: \"spiffe://example.org/b\"}");
    assertEachRefuses(
        "exeat: by " + environment.get("EXEAT_CONFIG"), "relayed to broker.example.org");
  }

  @Test
  void theEnvironmentAloneSaysWhatDecidesToo() throws Exception {
    environment.put("EXEAT_POLICY_MODE", "opa");
    environment.put("EXEAT_POLICY_ADDRESS", "http://opa.example.org:8181");
    assertEachRefuses("exeat: by EXEAT_POLICY_MODE", "http://opa.example.org:8181");

    environment.clear();
    environment.put("EXEAT_RELAY_TO", "broker.example.org:8443");
    assertEachRefuses("exeat: by EXEAT_RELAY_TO");

    environment.clear();
    environment.put("EXEAT_POLICY_FOLDER", after.toString());
    assertThat(policy("check")).isEqualTo(Exit.OK);
    assertThat(out.toString()).contains("policies from " + after);
  }

  @Test
  void theFolderOfTheConfigurationIsMeantWhereNoneIsNamed() throws IOException {
    configured(
        """
        vault: {address: "https://vault.example.org"}
        policy: {folder: %s}\
        """
            .formatted(after));
    assertThat(policy("check")).isEqualTo(Exit.OK);
    assertThat(out.toString()).contains("2 policies from " + after);
  }

  @Test
  void explainNamesPoliciesAndTheValuesThatTheyLookAt() throws IOException {
    ObjectNode question = CaseSuite.example();
    question.put("risk", 77);
    Path file = Files.writeString(folder.resolve("question.json"), question.toString());

    assertThat(policy("explain", "--folder", after, "--question", file)).isEqualTo(Exit.OK);
    assertThat(out.toString())
        .contains(
            "decision: deny (too risky)", "  risky:", "agent.tier = \"standard\"", "risk = 77")
        .contains("forbid (principal, action, resource)");
  }

  @Test
  void theExampleIsAQuestionToBeginWith() throws IOException {
    assertThat(policy("explain", "--folder", after, "--example")).isEqualTo(Exit.OK);
    Path file = Files.writeString(folder.resolve("question.json"), out.toString());
    assertThat(policy("explain", "--folder", after, "--question", file)).isEqualTo(Exit.OK);
    assertThat(out.toString()).contains("decision: permit by [all]");
  }

  @Test
  void explainTakesNoQuestionThatIsNone() throws IOException {
    ObjectNode question = CaseSuite.example();
    question.put("risc", 1);
    Path file = Files.writeString(folder.resolve("question.json"), question.toString());

    assertThat(policy("explain", "--folder", after, "--question", file)).isEqualTo(Exit.USAGE);
    assertThat(err.toString()).contains("risc");
  }

  @Test
  void withoutATrustDomainTheIdOfAnAgentMustHaveOne() throws Exception {
    String says = "question.agent.id must be a SPIFFE ID";
    for (String id : List.of("support", "", "http://example.org/support", "spiffe:///support")) {
      out.getBuffer().setLength(0);
      err.getBuffer().setLength(0);
      ObjectNode question = CaseSuite.example();
      question.withObject("/agent").put("id", id);
      question.withObject("/agent/attestation").remove(List.of("gid", "uid", "trust_domain"));
      Path file = Files.writeString(folder.resolve("question.json"), question.toString());
      assertThat(policy("explain", "--folder", after, "--question", file)).isEqualTo(Exit.USAGE);
      assertThat(err.toString()).startsWith("exeat: " + says);

      Files.writeString(
          after.resolve("id.cases.yaml"),
          """
          cases:
            - name: who
              change: {agent.id: "%s", agent.attestation: {kind: process}}
              expect: permit
          """
              .formatted(id));
      assertThat(policy("test", "--folder", after)).isEqualTo(Exit.CHECK_FAILED);
      assertThat(out.toString()).contains("id.cases.yaml: who: " + says);
    }
  }

  @Test
  void aRecordedAgentWithoutTrustDomainAndSpiffeIdIsNotDecidedAgainButSaid() throws Exception {
    ObjectNode question = CaseSuite.example();
    Decision decision = PolicyEngines.of(ALL).decide(QuestionJson.read(question));
    question.withObject("/agent").put("id", "support");
    question.withObject("/agent/attestation").remove(List.of("gid", "uid", "trust_domain"));
    Path chain = recorded(question, decision);

    assertThat(policy("replay", "--audit", chain, "--folder", after)).isEqualTo(Exit.CHECK_FAILED);
    assertThat(out.toString())
        .startsWith(
            "d00000000000000000001: was recorded by another version of Exeat: question.agent.id"
                + " must be a SPIFFE ID");
  }

  @Test
  void diffSaysWhichPoliciesDifferAndWhichCasesTheyDecideOtherwise() throws IOException {
    assertThat(policy("diff", "--from", before, "--folder", after)).isEqualTo(Exit.OK);
    assertThat(out.toString())
        .isEqualTo(
            """
            + risky
            risk.cases.yaml: risk: permit by [all] -> deny (too risky) by [risky (risk, agent.tier)]
            2 questions, 1 would be decided otherwise
            """);
  }

  /** The chain of a broker that decided two acts under {@code before}. */
  private Path chain() throws Exception {
    return chain(ALL);
  }

  private Path chain(String policies) throws Exception {
    Path chain = folder.resolve("audit");
    CedarEngine engine = PolicyEngines.of(policies);
    try (FileAudit audit = FileAudit.open(chain, 1 << 20, PolicyEngines.TIME)) {
      for (int risk : new int[] {10, 60}) {
        ObjectNode question = CaseSuite.example();
        question.put("risk", risk);
        audit.record(
            new AuditEvent.Decided(
                new DecisionId("d000000000000000000" + risk),
                TaskId.random(),
                "spiffe://example.org/agent",
                List.of(Answer.of(question, engine.decide(QuestionJson.read(question))))));
      }
    }
    return chain;
  }

  @Test
  void replayDecidesWhatIsRecordedAgainUnderOtherPolicies() throws Exception {
    Path chain = chain();
    assertThat(policy("replay", "--audit", chain, "--folder", before)).isEqualTo(Exit.OK);
    assertThat(out.toString()).isEqualTo("2 decisions, 0 would be decided otherwise\n");

    out.getBuffer().setLength(0);
    assertThat(policy("replay", "--audit", chain, "--folder", after)).isEqualTo(Exit.OK);
    assertThat(out.toString())
        .contains("d00000000000000000060")
        .contains("was permit by [all], would be deny (too risky) by [risky")
        .doesNotContain("d00000000000000000010")
        .endsWith("2 decisions, 1 would be decided otherwise\n");

    out.getBuffer().setLength(0);
    int explained =
        policy(
            "explain", "--folder", after, "--audit", chain, "--decision", "d00000000000000000060");
    assertThat(explained).isEqualTo(Exit.OK);
    assertThat(out.toString()).contains("recorded: permit by [all]", "decision: deny (too risky)");
  }

  /** Whoever is risky needs this yes. */
  private static String asking(String approver) {
    return ALL
        + """
        @id("risky") @ask("%s") forbid (principal, action, resource)
        when { context.risk > 50 } unless { context.approvals.contains("%s") };
        """
            .formatted(approver, approver);
  }

  @Test
  void anotherYesThanTheOneThatWasRecordedIsAnotherDecision() throws Exception {
    Path chain = chain(asking("owner"));
    Files.writeString(after.resolve("all.cedar"), asking("owner"));
    Files.delete(after.resolve("risk.cases.yaml"));
    assertThat(policy("replay", "--audit", chain, "--folder", after)).isEqualTo(Exit.OK);
    assertThat(out.toString()).isEqualTo("2 decisions, 0 would be decided otherwise\n");

    out.getBuffer().setLength(0);
    Files.writeString(after.resolve("all.cedar"), asking("operator"));
    assertThat(policy("replay", "--audit", chain, "--folder", after)).isEqualTo(Exit.OK);
    assertThat(out.toString())
        .contains("d00000000000000000060")
        .contains("was ask owner by [risky (risk, approvals)], would be ask operator by [risky")
        .endsWith("2 decisions, 1 would be decided otherwise\n");

    JsonNode otherwise =
        json(Exit.OK, "replay", "--json", "--audit", chain, "--folder", after)
            .path("otherwise")
            .get(0);
    assertThat(otherwise.at("/was/approvers").toString()).isEqualTo("[\"owner\"]");
    assertThat(otherwise.at("/now/approvers").toString()).isEqualTo("[\"operator\"]");
  }

  @Test
  void theSameYesForAnotherReasonIsNoOtherDecision() throws Exception {
    Path chain = chain(asking("owner"));
    Files.writeString(after.resolve("all.cedar"), asking("owner").replace("risky", "other"));
    assertThat(policy("replay", "--audit", chain, "--folder", after)).isEqualTo(Exit.OK);
    assertThat(out.toString()).isEqualTo("2 decisions, 0 would be decided otherwise\n");
  }

  @Test
  void diffTellsWhoseYesIsAskedForFromAnothers() throws IOException {
    Files.writeString(before.resolve("all.cedar"), asking("owner"));
    Files.writeString(after.resolve("all.cedar"), asking("operator"));
    assertThat(policy("diff", "--from", before, "--folder", after)).isEqualTo(Exit.OK);
    assertThat(out.toString())
        .isEqualTo(
            """
            ~ risky
            risk.cases.yaml: risk: ask owner by [risky (risk, approvals)] -> ask operator by \
            [risky (risk, approvals)]
            2 questions, 1 would be decided otherwise
            """);
  }

  @Test
  void aRecordedQuestionThatWasChangedIsNotDecidedAgainButSaid() throws Exception {
    Path chain = chain();
    try (Stream<Path> files = Files.list(chain)) {
      for (Path file : files.filter(it -> it.toString().endsWith(".jsonl")).toList()) {
        Files.writeString(file, Files.readString(file).replace("\"risk\":60", "\"risk\":10"));
      }
    }

    assertThat(policy("replay", "--audit", chain, "--folder", after)).isEqualTo(Exit.CHECK_FAILED);
    assertThat(out.toString())
        .contains("d00000000000000000060: the recorded question is not the one that was decided")
        .endsWith("2 decisions, 0 would be decided otherwise, 1 could not be decided again\n");
  }

  @Test
  void aDecisionThatIsNotInTheChainIsAMistake() throws Exception {
    assertThat(policy("explain", "--folder", after, "--audit", chain(), "--decision", "d0"))
        .isEqualTo(Exit.USAGE);
    assertThat(err.toString()).contains("has no decision d0");
  }

  private Path recorded(ObjectNode question, Decision decision) throws Exception {
    Path chain = folder.resolve("old");
    try (FileAudit audit = FileAudit.open(chain, 1 << 20, PolicyEngines.TIME)) {
      audit.record(
          new AuditEvent.Decided(
              new DecisionId("d00000000000000000001"),
              TaskId.random(),
              "spiffe://example.org/agent",
              List.of(Answer.of(question, decision))));
    }
    return chain;
  }

  /** A chain as brokers wrote it before questions had what acts were given and gave. */
  private Path oldChain(int calls) throws Exception {
    CedarEngine engine = PolicyEngines.of(ALL);
    ObjectNode question = CaseSuite.example();
    Decision decision = engine.decide(QuestionJson.read(question));
    ObjectNode history = question.withObject("/history").put("calls", calls);
    history.remove(List.of("arguments", "results"));
    return recorded(question, decision);
  }

  private void looksAtResults() throws IOException {
    Files.writeString(
        after.resolve("poisoned.cedar"),
        """
        @id("poisoned") forbid (principal, action, resource)
        when { context.history.results.contains("5f1c") };
        """);
  }

  @Test
  void whatWasNotRecordedYetIsNothingWhereNoPolicyLooksAtIt() throws Exception {
    Path chain = oldChain(7);
    assertThat(policy("replay", "--audit", chain, "--folder", after)).isEqualTo(Exit.OK);
    assertThat(out.toString()).isEqualTo("1 decisions, 0 would be decided otherwise\n");
  }

  @Test
  void whatWasNotRecordedYetIsNothingWhereNothingWasDone() throws Exception {
    looksAtResults();
    Path chain = oldChain(0);
    assertThat(policy("replay", "--audit", chain, "--folder", after)).isEqualTo(Exit.OK);
  }

  @Test
  void whatAPolicyLooksAtAndWasNotRecordedYetIsNamed() throws Exception {
    looksAtResults();
    Path chain = oldChain(7);
    assertThat(policy("replay", "--audit", chain, "--folder", after)).isEqualTo(Exit.CHECK_FAILED);
    assertThat(out.toString())
        .startsWith(
            "d00000000000000000001: was recorded before questions had history.results, which policy"
                + " poisoned looks at\n");
    String id = "d00000000000000000001";
    assertThat(policy("explain", "--folder", after, "--audit", chain, "--decision", id))
        .isEqualTo(Exit.USAGE);
    assertThat(err.toString()).contains(id, "history.results");
  }

  /** A chain as brokers wrote it before questions had gid and trust domain. */
  private Path chainWithoutGid() throws Exception {
    ObjectNode question = CaseSuite.example();
    Decision decision = PolicyEngines.of(ALL).decide(QuestionJson.read(question));
    question.withObject("/agent/attestation").remove(List.of("gid", "trust_domain"));
    return recorded(question, decision);
  }

  private void forbids(String what) throws IOException {
    Files.writeString(
        after.resolve("more.cedar"),
        "@id(\"more\") forbid (principal, action, resource) when { %s };".formatted(what));
  }

  @Test
  void aTrustDomainThatWasNotRecordedYetIsThatOfTheSpiffeId() throws Exception {
    Path chain = chainWithoutGid();
    forbids("principal.attestation.trust_domain == \"example.org\"");
    assertThat(policy("replay", "--audit", chain, "--folder", after)).isEqualTo(Exit.OK);
    assertThat(out.toString()).endsWith("1 decisions, 1 would be decided otherwise\n");
  }

  @Test
  void aGidThatWasNotRecordedYetIsNamedWhereAPolicyLooksAtIt() throws Exception {
    Path chain = chainWithoutGid();
    forbids("principal.attestation has gid && principal.attestation.gid == 0");
    assertThat(policy("replay", "--audit", chain, "--folder", after)).isEqualTo(Exit.CHECK_FAILED);
    assertThat(out.toString())
        .contains("before questions had agent.attestation.gid, which policy more looks at");
  }

  private JsonNode json(int code, Object... words) throws IOException {
    out.getBuffer().setLength(0);
    assertThat(policy(words)).isEqualTo(code);
    assertThat(out.toString()).containsOnlyOnce("\n").endsWith("\n");
    return new ObjectMapper().readTree(out.toString());
  }

  private static void assertHas(JsonNode node, String... fields) {
    assertThat(node.fieldNames()).toIterable().containsExactly(fields);
  }

  /** The shapes that docs/cli.md promises. */
  @Test
  void jsonIsOneLineWithTheFieldsOfTheDocs() throws Exception {
    JsonNode check = json(Exit.OK, "check", "--json", "--folder", after);
    assertHas(check, "sound", "policies", "source", "sha256");
    assertThat(check.path("policies").asInt()).isEqualTo(2);

    JsonNode test = json(Exit.OK, "test", "--json", "--folder", after);
    assertHas(test, "sha256", "cases", "otherwise");
    assertThat(test.path("cases").asInt()).isEqualTo(2);

    JsonNode diff = json(Exit.OK, "diff", "--json", "--from", before, "--folder", after);
    assertHas(diff, "from", "to", "removed", "added", "changed", "questions", "otherwise");
    assertThat(diff.path("to")).isEqualTo(check.path("sha256"));
    assertThat(diff.path("added").toString()).isEqualTo("[\"risky\"]");
    assertHas(diff.path("otherwise").get(0), "case", "was", "now");
    assertHas(diff.path("otherwise").get(0).path("now"), "decided", "because", "reason");

    Path chain = chain();
    JsonNode replay = json(Exit.OK, "replay", "--json", "--audit", chain, "--folder", after);
    assertHas(replay, "sha256", "decisions", "otherwise", "undecided");
    JsonNode otherwise = replay.path("otherwise").get(0);
    assertHas(otherwise, "decision", "agent", "action", "resource", "was", "now");
    assertThat(otherwise.path("decision").asText()).isEqualTo("d00000000000000000060");
    assertThat(otherwise.at("/was/decided").asText()).isEqualTo("permit");
    assertThat(otherwise.at("/now/decided").asText()).isEqualTo("deny");

    String id = "d00000000000000000060";
    JsonNode explain =
        json(Exit.OK, "explain", "--json", "--folder", after, "--audit", chain, "--decision", id);
    assertHas(explain, "sha256", "decision", "was", "now", "policies");
    assertHas(explain.path("policies").get(0), "policy", "attributes", "text");
    assertThat(explain.at("/policies/0/attributes/risk").asInt()).isEqualTo(60);
  }

  @Test
  void jsonSaysWhatIsWrongToo() throws Exception {
    Files.writeString(after.resolve("all.cedar"), ALL);
    JsonNode test = json(Exit.CHECK_FAILED, "test", "--json", "--folder", after);
    JsonNode otherwise = test.path("otherwise").get(0);
    assertHas(otherwise, "case", "expected", "now");
    assertThat(otherwise.path("expected").toString())
        .isEqualTo("{\"decided\":\"deny\",\"policies\":[\"risky\"]}");

    JsonNode replay = json(Exit.OK, "replay", "--json", "--audit", oldChain(7), "--folder", after);
    assertThat(replay.path("undecided")).isEmpty();
    looksAtResults();
    replay =
        json(
            Exit.CHECK_FAILED,
            "replay",
            "--json",
            "--audit",
            folder.resolve("old"),
            "--folder",
            after);
    assertHas(replay.path("undecided").get(0), "decision", "why");

    Files.writeString(after.resolve("all.cedar"), "permit (");
    for (String command : List.of("check", "test")) {
      JsonNode bad = json(Exit.CHECK_FAILED, command, "--json", "--folder", after);
      assertHas(bad, "sound", "problems");
      assertThat(bad.path("sound").asBoolean(true)).isFalse();
    }
  }
}
