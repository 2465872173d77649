package io.exeat.revoke;

import io.exeat.credential.InMemoryTarget;

final class InMemoryVerifierTest extends TargetVerifierContract {
  private final InMemoryTarget target = new InMemoryTarget();
  private final InMemoryVerifier verifier = new InMemoryVerifier(target);

  @Override
  protected TargetVerifier verifier() {
    return verifier;
  }

  @Override
  protected void create(String principal, String password) {
    target.create(principal, password);
  }

  @Override
  protected void drop(String principal) {
    target.drop(principal);
  }

  @Override
  protected boolean login(String principal, String password) {
    return target.login(principal, password);
  }

  @Override
  protected int sessions(String principal) {
    return target.sessions(principal);
  }

  @Override
  protected void stopTarget() {
    target.stop();
  }

  @Override
  protected void startTarget() {
    target.start();
  }
}
