package io.exeat.cli;

import com.google.protobuf.InvalidProtocolBufferException;
import com.google.rpc.ErrorInfo;
import com.google.rpc.RetryInfo;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import java.io.PrintWriter;
import java.util.Optional;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** A broker's no, told to a person: what happened, to what, and what to do next. */
final class Refusal {
  private Refusal() {}

  /** Prints it and gives the exit code for it. */
  static int print(StatusRuntimeException refused, PrintWriter err) {
    com.google.rpc.@Nullable Status status = StatusProto.fromThrowable(refused);
    Optional<ErrorInfo> info = detail(status, ErrorInfo.class);
    String what =
        Optional.ofNullable(refused.getStatus().getDescription()).orElse("no reason given");
    err.println(
        "exeat: "
            + info.map(ErrorInfo::getReason).orElse(refused.getStatus().getCode().name())
            + ": "
            + what);
    info.ifPresent(it ->
        new TreeMap<>(it.getMetadataMap())
            .forEach((key, value) -> err.println("  " + key + ": " + value)));
    detail(status, RetryInfo.class)
        .ifPresent(it ->
            err.println("  worth another try in: " + Text.duration(Text.time(it.getRetryDelay()))));
    if (info.isEmpty()) {
      hint(refused, err);
    }
    return code(refused, info);
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

  private static int code(StatusRuntimeException refused, Optional<ErrorInfo> info) {
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
