package io.exeat.gateway.extauthz;

import io.exeat.attest.Peer;
import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import io.exeat.base.InRequest;
import io.exeat.envoy.auth.AuthorizationGrpc;
import io.exeat.envoy.auth.CheckRequest;
import io.exeat.envoy.auth.CheckResponse;
import io.exeat.gateway.Faults;
import io.exeat.gateway.grpc.Caller;
import io.grpc.Context;
import io.grpc.stub.StreamObserver;
import java.util.function.Predicate;

/**
 * {@code envoy.service.auth.v3.Authorization}. Whatever goes wrong is an error, at which Envoy lets
 * nothing through.
 */
final class AuthorizationService extends AuthorizationGrpc.AuthorizationImplBase {
  private final Predicate<Peer> envoys;
  private final Gatekeeper gatekeeper;

  /**
   * @param envoys who may ask at all: what they say of the request is believed
   */
  AuthorizationService(Predicate<Peer> envoys, Gatekeeper gatekeeper) {
    this.envoys = envoys;
    this.gatekeeper = gatekeeper;
  }

  @Override
  public void check(CheckRequest request, StreamObserver<CheckResponse> observer) {
    Caller caller = Caller.current();
    if (Context.current().isCancelled()) {
      return;
    }
    CheckResponse answer;
    try {
      if (!envoys.test(caller.peer())) {
        throw new FaultException(new Fault.Denied("the caller is not one of the known Envoys"));
      }
      answer = InRequest.call(caller.request(), () -> gatekeeper.answer(request.getAttributes()));
    } catch (RuntimeException e) {
      observer.onError(Faults.answer(caller.request(), e));
      return;
    }
    observer.onNext(answer);
    observer.onCompleted();
  }
}
