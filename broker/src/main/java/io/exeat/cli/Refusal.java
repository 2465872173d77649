package io.exeat.cli;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.rpc.ErrorInfo;
import com.google.rpc.RetryInfo;
import io.exeat.base.Fault;
import io.exeat.gateway.Faults;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import java.io.PrintWriter;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** A broker's no, told to a person or a program: what happened, to what, and what to do next. */
final class Refusal {
  private final StatusRuntimeException refused;
  private final Optional<ErrorInfo> info;
  private final Optional<RetryInfo> retry;
  private final String message;

  Refusal(StatusRuntimeException refused) {
    this(refused, description(refused));
  }

  /** What went wrong before a broker was asked. */
  Refusal(Fault fault) {
    this(Faults.toGrpc(fault), words(fault));
  }

  private Refusal(StatusRuntimeException refused, String message) {
    com.google.rpc.@Nullable Status status = StatusProto.fromThrowable(refused);
    this.refused = refused;
    this.info = detail(status, ErrorInfo.class);
    this.retry = detail(status, RetryInfo.class);
    this.message = message;
  }

  /** Of what is away its problem alone, because nobody asked it for a loan. */
  private static String words(Fault fault) {
    return fault instanceof Fault.Unavailable away
        ? away.dependency() + " is away: " + away.problem()
        : description(Faults.toGrpc(fault));
  }

  private static String description(StatusRuntimeException refused) {
    return Optional.ofNullable(refused.getStatus().getDescription()).orElse("no reason given");
  }

  /** Tells it, and gives the exit code for it. */
  int tell(Cli cli, boolean json) {
    int code = code();
    if (json) {
      ObjectNode error = error(reason(), message, code);
      error.put("status", refused.getStatus().getCode().name());
      ObjectNode metadata = error.putObject("metadata");
      new TreeMap<>(info.map(ErrorInfo::getMetadataMap).orElse(Map.of())).forEach(metadata::put);
      retry.ifPresent(
          it -> error.put("retryAfterMillis", Text.time(it.getRetryDelay()).toMillis()));
      print(error, cli);
    }
    PrintWriter err = cli.err();
    err.println("exeat: " + reason() + ": " + message);
    for (Map.Entry<String, String> each : notSaid().entrySet()) {
      err.println("  " + each.getKey() + ": " + each.getValue());
    }
    retry.ifPresent(it ->
        err.println("  worth another try in: " + Text.duration(Text.time(it.getRetryDelay()))));
    if (info.isEmpty()) {
      hint(refused, err);
    }
    return code;
  }

  /** Of the fault's fields those that the message does not hold already. */
  private Map<String, String> notSaid() {
    Map<String, String> fields =
        new TreeMap<>(info.map(ErrorInfo::getMetadataMap).orElse(Map.of()));
    fields.values().removeIf(message::contains);
    return fields;
  }

  /** The same for what was refused before anybody was asked. */
  static int tell(String reason, String message, int code, Cli cli, boolean json) {
    if (json) {
      print(error(reason, message, code), cli);
    }
    cli.err().println("exeat: " + message);
    return code;
  }

  private static ObjectNode error(String reason, String message, int code) {
    return JsonNodeFactory.instance
        .objectNode()
        .put("reason", reason)
        .put("message", message)
        .put("exitCode", code);
  }

  private static void print(ObjectNode error, Cli cli) {
    ObjectNode node = JsonNodeFactory.instance.objectNode();
    node.set("error", error);
    cli.out().println(node);
  }

  private String reason() {
    return info.map(ErrorInfo::getReason).orElse(refused.getStatus().getCode().name());
  }

  private static void hint(StatusRuntimeException refused, PrintWriter err) {
    switch (refused.getStatus().getCode()) {
      case UNAVAILABLE ->
          err.println(
              "  No broker answered. Is it running (exeat run), may this user use its socket, and is"
                  + " it the right one (--socket, EXEAT_SOCKET)?");
      case DEADLINE_EXCEEDED ->
          err.println("  The broker did not answer in time; exeat status says what it waits for.");
      default -> {}
    }
  }

  private int code() {
    return switch (refused.getStatus().getCode()) {
      case UNAVAILABLE, DEADLINE_EXCEEDED ->
          info.map(ErrorInfo::getReason).filter("SCOPE_CHANGING"::equals).isPresent()
              ? Exit.PENDING
              : Exit.UNAVAILABLE;
      case INVALID_ARGUMENT -> Exit.USAGE;
      case INTERNAL, UNKNOWN, DATA_LOSS -> Exit.BUG;
      default -> Exit.REFUSED;
    };
  }

  private static <T extends com.google.protobuf.Message> Optional<T> detail(
      com.google.rpc.@Nullable Status status, Class<T> type) {
    if (status == null) {
      return Optional.empty();
    }
    return status.getDetailsList().stream()
        .filter(any -> any.is(type))
        .findFirst()
        .flatMap(any -> {
          try {
            return Optional.of(any.unpack(type));
          } catch (InvalidProtocolBufferException e) {
            return Optional.empty();
          }
        });
  }
}
