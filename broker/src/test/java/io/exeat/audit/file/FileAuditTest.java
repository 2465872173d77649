package io.exeat.audit.file;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.exeat.approve.Approval;
import io.exeat.approve.Call;
import io.exeat.attest.Agent;
import io.exeat.audit.AuditContract;
import io.exeat.audit.AuditEvent;
import io.exeat.audit.AuditSink;
import io.exeat.audit.AuditVerifier;
import io.exeat.audit.ChainFiles;
import io.exeat.base.CannotStart;
import io.exeat.base.CredentialId;
import io.exeat.base.DecisionId;
import io.exeat.base.Epoch;
import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import io.exeat.base.InRequest;
import io.exeat.base.LeaseId;
import io.exeat.base.OwnFolder;
import io.exeat.base.RequestId;
import io.exeat.base.ReservedSpace;
import io.exeat.base.TaskId;
import io.exeat.base.Time;
import io.exeat.credential.Held;
import io.exeat.policy.Answer;
import io.exeat.policy.Decision;
import io.exeat.policy.Reason;
import io.exeat.task.Binding;
import io.exeat.task.EndCause;
import io.exeat.task.Intent;
import io.exeat.task.Task;
import io.spiffe.spiffeid.SpiffeId;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class FileAuditTest extends AuditContract {
  private static final Instant NOW = Instant.parse("2026-11-22T06:30:00.120Z");
  private static final Time TIME = new Time(() -> NOW, System::nanoTime);
  private static final long LARGE = 1 << 20;

  @TempDir private Path temp;
  private final ArrayDeque<BreakableFile> files = new ArrayDeque<>();
  private final ArrayDeque<FileAudit> opened = new ArrayDeque<>();

  @Override
  protected AuditSink fresh() throws IOException {
    return open(temp.resolve("audit"), LARGE);
  }

  @Override
  protected List<String> kinds(AuditSink sink) throws IOException {
    return lines(temp.resolve("audit")).stream().map(line -> line.get("kind").asText()).toList();
  }

  @Override
  protected void breakDown(AuditSink sink) {
    files.getLast().leaveRoomFor(0);
  }

  @Override
  protected void mend(AuditSink sink) {
    files.getLast().leaveRoomFor(Integer.MAX_VALUE);
    await().atMost(Duration.ofSeconds(5)).until(() -> sink.problem().isEmpty());
  }

  @AfterEach
  void closeAll() {
    opened.forEach(FileAudit::close);
  }

  @Test
  void theFilesAreForTheOwnerAlone() throws IOException {
    Path folder = temp.resolve("modes");
    open(folder, LARGE).record(event("one"));
    assertThat(mode(folder)).isEqualTo("rwx------");
    assertThat(ChainFiles.in(folder)).hasSize(1).allMatch(file -> mode(file).equals("rw-------"));
  }

  @Test
  void everyKindIsOneLineWithItsFields() throws IOException {
    Path folder = temp.resolve("kinds");
    FileAudit audit = open(folder, LARGE);
    InRequest.call(
        new RequestId("r00000000000000000001"),
        () -> {
          oneOfEach().forEach(audit::record);
          return true;
        });
    List<JsonNode> lines = lines(folder);
    assertThat(lines)
        .extracting(line -> line.get("kind").asText())
        .isEqualTo(oneOfEach().stream().map(AuditEvent::kind).toList());
    assertThat(oneOfEach().stream().map(event -> event.getClass().getName()))
        .containsExactlyInAnyOrderElementsOf(
            Arrays.stream(AuditEvent.class.getPermittedSubclasses()).map(Class::getName).toList());
    assertThat(lines)
        .allSatisfy(line -> {
          assertThat(line.get("at").asText()).isEqualTo("2026-11-22T06:30:00.120000000Z");
          assertThat(line.get("request").asText()).isEqualTo("r00000000000000000001");
          assertThat(line.has("late")).isFalse();
        });
    assertThat(Files.readString(ChainFiles.in(folder).getFirst()))
        .doesNotContain("lease-handle")
        .contains("\"principal\":\"x-role\"", "\"caller\":\"uid 1000\"", "\"next_scope\":[\"b\"]");
    assertSound(folder, lines.size());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "a\r\n{\"v\":1}",
        "\u001b[2J",
        "\u2028\u2029\u0085",
        "\u202e\u2066\u200f",
        "\ud800",
        "\udc00x",
        "${jndi:ldap://x}",
        "\",\"hash\":\"",
        "\0\u007f\ufeff",
        "\\",
        "😀 ünï"
      })
  void hostileTextStaysInItsLineAndIsReadBack(String hostile) throws IOException {
    Path folder = temp.resolve("hostile");
    FileAudit audit = open(folder, LARGE);
    audit.record(event(hostile));
    audit.record(event("after"));
    byte[] bytes = Files.readAllBytes(ChainFiles.in(folder).getFirst());
    String text = new String(bytes, StandardCharsets.UTF_8);
    assertThat(text.chars().filter(c -> c == '\n')).hasSize(2);
    assertThat(text.chars().filter(c -> c != '\n')).allMatch(c -> c >= ' ' && c < 0x7f);
    assertThat(text).doesNotContain("${");
    assertThat(lines(folder).getFirst().get("reason").asText())
        .isEqualTo(hostile.replaceAll("\\p{Cs}", "?"));
    assertSound(folder, 2);
  }

  @Test
  void aMegabyteIsCutAndSaysSo() throws IOException {
    Path folder = temp.resolve("large");
    open(folder, LARGE).record(event("\u202e".repeat(1 << 20)));
    assertThat(lines(folder).getFirst().get("reason").asText())
        .hasSize(1000 + "... (1048576 characters)".length())
        .endsWith("... (1048576 characters)");
    assertSound(folder, 1);
  }

  @Test
  void theChainGoesOnOverFilesAndRestarts() throws IOException {
    Path folder = temp.resolve("rotating");
    for (int start = 0; start < 3; start++) {
      FileAudit audit = open(folder, 1000);
      for (int i = 0; i < 10; i++) {
        audit.record(event("event " + i));
      }
      audit.close();
    }
    assertThat(ChainFiles.in(folder)).hasSizeGreaterThan(5);
    assertSound(folder, 30);
  }

  @Test
  void aSecondBrokerOnTheSameChainIsRefused() throws IOException {
    Path folder = temp.resolve("shared");
    open(folder, LARGE);
    assertThatThrownBy(() -> FileAudit.open(folder, LARGE, TIME))
        .isInstanceOf(CannotStart.class)
        .hasMessageContaining("is in use by another broker");
  }

  @Test
  void onAFullDiskEndingsUseTheReserveThenMemoryAndComeLate() throws IOException {
    Path folder = temp.resolve("full");
    FileAudit audit = open(folder, LARGE);
    audit.record(event("before"));
    files.getLast().leaveRoomFor(1);
    audit.recordEnding(event("fits"));
    audit.recordEnding(event("waits"));
    audit.recordEnding(event("waits too"));
    assertThatThrownBy(() -> audit.record(event("refused"))).isInstanceOf(FaultException.class);
    assertThat(audit.problem()).hasValueSatisfying(why -> assertThat(why).contains("disk is full"));

    files.getLast().leaveRoomFor(100);
    await().atMost(Duration.ofSeconds(5)).until(() -> audit.problem().isEmpty());
    audit.record(event("after"));
    assertThat(lines(folder))
        .extracting(line -> line.get("reason").asText() + (line.has("late") ? " late" : ""))
        .containsExactly("before", "fits", "waits late", "waits too late", "after");
    assertSound(folder, 5);
  }

  /** Who asks is not to wait for a disk that is known to be full and hangs as well. */
  @Test
  void whileThereIsAProblemNobodyWaitsForTheDisk() throws IOException {
    FileAudit audit = open(temp.resolve("hanging"), LARGE);
    files.getLast().leaveRoomFor(0);
    audit.recordEnding(event("waits")); // the writer tries again to write it
    CountDownLatch go = files.getLast().hang();

    try {
      long begun = System.nanoTime();
      assertThatThrownBy(() -> audit.record(event("refused")))
          .isInstanceOf(FaultException.class)
          .hasMessageContaining("disk is full");
      assertThat(Duration.ofNanos(System.nanoTime() - begun)).isLessThan(Duration.ofSeconds(5));
    } finally {
      files.getLast().leaveRoomFor(100, go);
    }
    await().atMost(Duration.ofSeconds(5)).until(() -> audit.problem().isEmpty());
    audit.record(event("after"));
  }

  @Test
  void whatADefectLosesIsCountedInTheChain() throws IOException {
    Path folder = temp.resolve("defect");
    FileAudit audit = open(folder, LARGE);
    audit.record(event("before"));
    files.getLast().failOnce();
    audit.recordSoon(event("lost"));
    audit.recordSoon(event("lost too"));

    await().atMost(Duration.ofSeconds(10)).until(() -> lines(folder).size() == 2);
    await().atMost(Duration.ofSeconds(5)).until(() -> audit.problem().isEmpty());
    audit.record(event("after"));

    List<JsonNode> lines = lines(folder);
    assertThat(lines.get(1).get("kind").asText()).isEqualTo("chain.lost");
    assertThat(lines.get(1).get("events").asInt()).isEqualTo(2);
    assertThat(lines.get(2).get("reason").asText()).isEqualTo("after");
    assertSound(folder, 3);
  }

  @Test
  void afterAFailedSyncNothingIsWrittenAnyMore() throws IOException {
    Path folder = temp.resolve("failed");
    FileAudit audit = open(folder, LARGE);
    audit.record(event("before"));
    files.getLast().breakDown();
    assertThatThrownBy(() -> audit.record(event("refused"))).isInstanceOf(FaultException.class);
    audit.recordEnding(event("in memory"));
    int appends = files.getLast().appends();
    assertThatThrownBy(() -> audit.record(event("refused"))).isInstanceOf(FaultException.class);
    assertThat(files.getLast().appends()).isEqualTo(appends);
    audit.close();
    assertSound(folder, 1);
  }

  @Test
  void aTornLastLineIsCutAndReportedInTheChain() throws IOException {
    Path folder = temp.resolve("torn");
    FileAudit audit = open(folder, LARGE);
    audit.record(event("one"));
    audit.record(event("two"));
    audit.close();
    Path file = ChainFiles.in(folder).getFirst();
    byte[] whole = Files.readAllBytes(file);
    int second = new String(whole, StandardCharsets.US_ASCII).indexOf('\n') + 1;
    for (int length = second + 1; length < whole.length; length += 7) {
      Files.write(file, Arrays.copyOf(whole, length));
      FileAudit again = open(folder, LARGE);
      again.record(event("three"));
      again.close();
      List<JsonNode> lines = lines(folder);
      assertThat(lines)
          .extracting(line -> line.get("kind").asText())
          .containsExactly("broker.stopped", "chain.recovered", "broker.stopped");
      assertThat(lines.get(1).get("bytes").asInt()).isEqualTo(length - second);
      assertSound(folder, 3);
    }
  }

  @Test
  void anythingElseWrongAtTheEndRefusesToStart() throws IOException {
    Path folder = temp.resolve("wrong");
    FileAudit audit = open(folder, LARGE);
    audit.record(event("one"));
    audit.record(event("two"));
    audit.close();
    Path file = ChainFiles.in(folder).getFirst();
    byte[] whole = Files.readAllBytes(file);
    int second = new String(whole, StandardCharsets.US_ASCII).indexOf('\n') + 1;
    for (int at = 0; at < whole.length; at++) {
      byte[] flipped = whole.clone();
      flipped[at] ^= 1;
      Files.write(file, flipped);
      int line = at < second ? 1 : 2;
      assertThatThrownBy(() -> FileAudit.open(folder, LARGE, TIME))
          .as("byte %d", at)
          .isInstanceOf(CannotStart.class)
          .hasMessageContaining(", line " + line + ", byte " + (line == 1 ? 0 : second) + ": ");
      assertThat(Files.readAllBytes(file)).isEqualTo(flipped);
    }
  }

  private FileAudit open(Path folder, long rotateAt) throws IOException {
    OwnFolder own = OwnFolder.hold(folder, "audit");
    Tail tail = Tail.of(folder);
    ReservedSpace reserve = new ReservedSpace(folder.resolve("audit.reserve"), 65_536, TIME);
    BreakableFile file = new BreakableFile(new RotatingFile(own, tail, rotateAt));
    reserve.hold();
    files.add(file);
    FileAudit audit = new FileAudit(folder, tail, file, reserve, TIME);
    opened.add(audit);
    return audit;
  }

  private static void assertSound(Path folder, long records) throws IOException {
    assertThat(AuditVerifier.verify(folder, Optional.empty()))
        .isInstanceOfSatisfying(
            AuditVerifier.Result.Sound.class,
            sound -> assertThat(sound.records()).isEqualTo(records));
  }

  private static List<JsonNode> lines(Path folder) throws IOException {
    ObjectMapper json = new ObjectMapper();
    List<JsonNode> lines = new ArrayList<>();
    for (Path file : ChainFiles.in(folder)) {
      for (String line : Files.readAllLines(file)) {
        lines.add(json.readTree(line));
      }
    }
    return lines;
  }

  private static String mode(Path path) {
    try {
      return PosixFilePermissions.toString(Files.getPosixFilePermissions(path));
    } catch (IOException e) {
      return e.toString();
    }
  }

  private static AuditEvent event(String reason) {
    return new AuditEvent.BrokerStopped(reason);
  }

  private static Answer answer(Decision decision) {
    ObjectNode question = JsonNodeFactory.instance.objectNode().put("action", "issue");
    return Answer.of(question, decision);
  }

  private static List<AuditEvent> oneOfEach() {
    Epoch epoch = new Epoch(new TaskId("t00000000000000000001"), 2);
    Task task =
        new Task(
            epoch.task(),
            Optional.empty(),
            new Agent(SpiffeId.parse("spiffe://example.org/agent"), "process 1"),
            "billing",
            new Intent.Declared("report", Map.of("customer", "acme")),
            "a note",
            Set.of("a"),
            epoch,
            Task.State.ENDED,
            Binding.PROCESS,
            NOW,
            NOW.plusSeconds(60),
            1L,
            Optional.of(new Task.End(EndCause.COMPLETED, NOW, Optional.of(NOW))));
    Held held =
        new Held(
            new CredentialId("c00000000000000000001"),
            epoch,
            "a",
            "orders",
            new LeaseId("database/creds/a/lease-handle"),
            "x-role",
            Held.Kind.POSTGRES_ROLE,
            Held.State.REVOKED,
            NOW,
            NOW.plusSeconds(60),
            Optional.of(NOW));
    return List.of(
        new AuditEvent.BrokerStarted("1.0", "spiffe://example.org/broker", 3),
        new AuditEvent.TaskOpened(task),
        new AuditEvent.RefusalsSkipped(3),
        new AuditEvent.Refused(
            "Open", "uid 1000", Optional.of(epoch.task()), new Fault.Denied("no")),
        new AuditEvent.Decided(
            new DecisionId("d00000000000000000001"),
            epoch.task(),
            "spiffe://example.org/agent",
            List.of(answer(new Decision.Permit(List.of(), "ab")))),
        new AuditEvent.Answered(
            new DecisionId("d00000000000000000001"), epoch.task(), "ab".repeat(32)),
        new AuditEvent.CredentialIssued(
            held, "spiffe://example.org/agent", new DecisionId("d00000000000000000001")),
        new AuditEvent.EpochClosed(epoch, Set.of("b")),
        new AuditEvent.EpochOpened(task),
        new AuditEvent.TaskEnding(epoch.task(), EndCause.OPERATOR, "note"),
        new AuditEvent.CannotBeRecalled(held, "COMPLETED"),
        new AuditEvent.CredentialDead(held, List.of("pg_roles: 0 roles")),
        new AuditEvent.EpochDead(epoch, List.of("pg_stat_activity: 0 sessions")),
        new AuditEvent.RevocationOverdue(epoch, Duration.ofSeconds(30), "Vault is away"),
        new AuditEvent.TaskEnded(task),
        new AuditEvent.OperatorActed("uid 0", "revoke", "all", "drill"),
        new AuditEvent.Approved(
            new DecisionId("d00000000000000000001"),
            epoch.task().value(),
            new Call("spiffe://example.org/agent", "ca".repeat(32), "ab"),
            List.of(answer(new Decision.Permit(List.of(), "ab")).question()),
            List.of(new Reason("highest-risk-is-approved", List.of("risk"))),
            new Approval("owner", "uid 0", Instant.EPOCH, Instant.EPOCH.plusSeconds(300)),
            "checked"),
        new AuditEvent.ApprovalUsed(
            new DecisionId("d00000000000000000001"),
            new DecisionId("d00000000000000000002"),
            epoch.task(),
            "ca".repeat(32)),
        new AuditEvent.PolicyTaken("ab", "/etc/exeat/policies"),
        new AuditEvent.PolicyRefused("the policies as last taken are still in force; a.cedar: no"),
        new AuditEvent.ReceiptSigned(
            epoch, Optional.of(held.id()), "spiffe://example.org/agent", "e30.e30.c2lnbmVk"),
        new AuditEvent.BrokerStopped("asked to"));
  }
}
