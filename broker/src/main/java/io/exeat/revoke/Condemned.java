package io.exeat.revoke;

import io.exeat.base.Accessor;
import io.exeat.base.CredentialId;
import io.exeat.base.Epoch;
import io.exeat.base.LeaseId;
import io.exeat.credential.Held;
import io.exeat.revoke.TargetVerifier.Mark;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** What is to be ended. */
public sealed interface Condemned {
  Epoch epoch();

  /** The token that ends with it. */
  Optional<Accessor> token();

  /** The leases that are known. */
  List<LeaseId> leases();

  /** Where it could have come to exist. */
  Set<String> targets();

  /** How its principals are found at a target, the unknown ones included. */
  Mark mark();

  /**
   * A whole epoch: its token and everything that was issued under it, known or not.
   *
   * @param token empty when it never had one, or its answer was lost
   * @param held what is known of it and not proven dead
   */
  record WholeEpoch(Epoch epoch, Optional<Accessor> token, List<Held> held, Set<String> targets)
      implements Condemned {
    public WholeEpoch {
      held = List.copyOf(held);
      targets = Set.copyOf(targets);
    }

    @Override
    public List<LeaseId> leases() {
      return held.stream().map(Held::lease).toList();
    }

    @Override
    public Mark mark() {
      return new Mark(epoch, Optional.empty());
    }
  }

  /** One credential of an epoch that goes on. */
  record OneCredential(Held held) implements Condemned {
    public CredentialId id() {
      return held.id();
    }

    @Override
    public Epoch epoch() {
      return held.epoch();
    }

    @Override
    public Optional<Accessor> token() {
      return Optional.empty();
    }

    @Override
    public List<LeaseId> leases() {
      return List.of(held.lease());
    }

    @Override
    public Set<String> targets() {
      return Set.of(held.target());
    }

    @Override
    public Mark mark() {
      return new Mark(held.epoch(), Optional.of(held.principal()));
    }
  }
}
