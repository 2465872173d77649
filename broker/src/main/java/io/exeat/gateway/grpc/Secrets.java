package io.exeat.gateway.grpc;

import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import io.exeat.flow.Issued;
import java.util.function.Consumer;
import java.util.function.Function;

/** How a secret gets into an answer. */
final class Secrets {
  private Secrets() {}

  /**
   * The secret is lent to the message, not copied into it. gRPC writes a message into its own
   * buffers before {@code onNext} returns, so nothing reads the lent bytes afterwards.
   *
   * @throws FaultException EpochClosed when the secret has been zeroed since
   */
  static <A> void lend(Issued issued, Function<byte[], A> message, Consumer<A> answer) {
    boolean sent;
    try {
      sent =
          issued
              .secret()
              .read(bytes -> {
                answer.accept(message.apply(bytes));
                return true;
              });
    } catch (IllegalStateException gone) {
      sent = false;
    }
    if (!sent) {
      var epoch = issued.credential().epoch();
      throw new FaultException(
          new Fault.EpochClosed(epoch.task(), epoch.number(), epoch.next().number()));
    }
  }
}
