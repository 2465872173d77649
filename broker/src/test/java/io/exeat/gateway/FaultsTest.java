package io.exeat.gateway;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.Any;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.rpc.ErrorInfo;
import com.google.rpc.RetryInfo;
import io.exeat.attest.WouldWaits;
import io.exeat.base.CredentialId;
import io.exeat.base.DecisionId;
import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import io.exeat.base.RequestId;
import io.exeat.base.TaskId;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

final class FaultsTest {

  private static final TaskId TASK = TaskId.random();

  static Stream<Fault> all() {
    return Stream.of(
        new Fault.Unattested("no entry for the process"),
        new Fault.Malformed("lifetime", "must be more than 0 s"),
        new Fault.NoSuchTask(TASK),
        new Fault.NoSuchCredential(CredentialId.random()),
        new Fault.NoSuchApproval(DecisionId.random()),
        new Fault.TaskEnded(TASK, "COMPLETED"),
        new Fault.EpochClosed(TASK, 1, 2),
        new Fault.ScopeChanging(TASK, "orders-db is away", Duration.ofMillis(1500)),
        new Fault.OutOfScope(TASK, "orders-write"),
        new Fault.OutsideCeiling("orders-admin", "orders-read"),
        new Fault.Denied("no policy permits it"),
        new Fault.IdempotencyConflict("k1"),
        new Fault.Exhausted("open tasks", 10),
        new Fault.Unavailable(Fault.Dependency.VAULT, "sealed", Duration.ofSeconds(2)),
        new Fault.NotServing("starting"),
        new Fault.Bug(RequestId.random()));
  }

  @Test
  void everyFaultHasASample() {
    assertThat(all().map(Object::getClass).collect(Collectors.toSet()))
        .isEqualTo(Arrays.stream(Fault.class.getPermittedSubclasses()).collect(Collectors.toSet()));
  }

  @ParameterizedTest
  @MethodSource("all")
  void theReasonIsTheFaultsNameAndTheFieldsAreItsMetadata(Fault fault) {
    ErrorInfo info = detail(Faults.toGrpc(fault), ErrorInfo.class);

    assertThat(info.getDomain()).isEqualTo("exeat.io");
    assertThat(info.getReason())
        .isEqualTo(
            fault
                .getClass()
                .getSimpleName()
                .replaceAll("(?<=[a-z])(?=[A-Z])", "_")
                .toUpperCase(java.util.Locale.ROOT));
    long fields =
        Arrays.stream(fault.getClass().getRecordComponents())
            .filter(component -> component.getType() != Duration.class)
            .count();
    assertThat(info.getMetadataMap()).hasSize((int) fields);
  }

  @ParameterizedTest
  @MethodSource("all")
  void whatHasATimeToWaitSaysSo(Fault fault) {
    boolean waits =
        Arrays.stream(fault.getClass().getRecordComponents())
            .anyMatch(component -> component.getType() == Duration.class);

    assertThat(has(Faults.toGrpc(fault), RetryInfo.class)).isEqualTo(waits);
  }

  @Test
  void theDocumentIsTheSameTable() throws IOException {
    TreeMap<String, String> documented = new TreeMap<>();
    for (String line : Files.readAllLines(Path.of("..", "docs", "errors.md"))) {
      List<String> cells = Arrays.stream(line.split("\\|", -1)).map(String::strip).toList();
      if (cells.size() == 7 && cells.get(1).startsWith("`")) {
        documented.put(plain(cells.get(1)), plain(cells.get(2)) + " " + names(cells.get(3)));
      }
    }
    TreeMap<String, String> coded = new TreeMap<>();
    all()
        .map(Faults::toGrpc)
        .forEach(answer -> {
          ErrorInfo info = detail(answer, ErrorInfo.class);
          coded.put(
              info.getReason(),
              answer.getStatus().getCode() + " " + new TreeSet<>(info.getMetadataMap().keySet()));
        });

    assertThat(documented).isEqualTo(coded);
  }

  @Test
  void whatWasNotForeseenTellsTheRequestAlone() {
    RequestId request = RequestId.random();

    StatusRuntimeException answer =
        Faults.answer(request, new IllegalStateException("password=hunter2"));

    assertThat(answer.getStatus().getCode()).isEqualTo(Status.Code.INTERNAL);
    assertThat(answer.getStatus().getDescription()).contains(request.value());
    assertThat(String.valueOf(StatusProto.fromThrowable(answer))).doesNotContain("hunter2");
    assertThat(answer.getCause()).isNull();
  }

  @Test
  void aFaultsCauseStaysHere() {
    StatusRuntimeException answer =
        Faults.answer(
            RequestId.random(),
            new FaultException(new Fault.Denied("no"), new IOException("password=hunter2")));

    assertThat(String.valueOf(StatusProto.fromThrowable(answer))).doesNotContain("hunter2");
    assertThat(answer.getCause()).isNull();
  }

  @Test
  void whatAnEventLoopCannotWaitForIsToBeAskedAgain() {
    StatusRuntimeException answer = Faults.answer(RequestId.random(), WouldWaits.one());

    assertThat(answer.getStatus().getCode()).isEqualTo(io.grpc.Status.Code.UNAVAILABLE);
    assertThat(has(answer, com.google.rpc.RetryInfo.class)).isTrue();
  }

  private static String plain(String cell) {
    return cell.replace("`", "");
  }

  private static Set<String> names(String cell) {
    return new TreeSet<>(Arrays.asList(plain(cell).split(", ", -1)));
  }

  private static <M extends com.google.protobuf.Message> boolean has(
      StatusRuntimeException answer, Class<M> type) {
    return !details(answer, type).isEmpty();
  }

  private static <M extends com.google.protobuf.Message> M detail(
      StatusRuntimeException answer, Class<M> type) {
    return details(answer, type).getFirst();
  }

  private static <M extends com.google.protobuf.Message> List<M> details(
      StatusRuntimeException answer, Class<M> type) {
    List<M> found = new ArrayList<>();
    for (Any detail : Objects.requireNonNull(StatusProto.fromThrowable(answer)).getDetailsList()) {
      if (detail.is(type)) {
        try {
          found.add(detail.unpack(type));
        } catch (InvalidProtocolBufferException e) {
          throw new AssertionError(e);
        }
      }
    }
    return found;
  }
}
