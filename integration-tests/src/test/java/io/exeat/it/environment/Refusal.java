package io.exeat.it.environment;

import com.google.protobuf.Any;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.rpc.ErrorInfo;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import java.util.Map;

/** Why a call was refused, as a client reads it. */
public record Refusal(Status.Code code, String reason, Map<String, String> fields, String text) {

  /** How the call was refused. */
  public static Refusal of(Runnable call) {
    try {
      call.run();
    } catch (StatusRuntimeException e) {
      return of(e);
    }
    throw new AssertionError("it was not refused");
  }

  public static Refusal of(StatusRuntimeException thrown) {
    com.google.rpc.Status status = StatusProto.fromThrowable(thrown);
    String text = String.valueOf(thrown.getStatus().getDescription());
    if (status != null) {
      for (Any detail : status.getDetailsList()) {
        if (detail.is(ErrorInfo.class)) {
          try {
            ErrorInfo info = detail.unpack(ErrorInfo.class);
            return new Refusal(
                thrown.getStatus().getCode(), info.getReason(), info.getMetadataMap(), text);
          } catch (InvalidProtocolBufferException e) {
            throw new AssertionError(e);
          }
        }
      }
    }
    return new Refusal(thrown.getStatus().getCode(), "", Map.of(), text);
  }
}
