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

  /** Where it could have come to exist. */
  Set<String> targets();

  /** What is known of it. */
  List<Held> held();

  /** Which principals, wherever they are. */
  Mark mark();

  /** The leases that are known. */
  default List<LeaseId> leases() {
    return held().stream().filter(held -> held.kind().isRecalled()).map(Held::lease).toList();
  }

  /** How its principals are found at a target, the unknown ones included. */
  default Mark at(String target) {
    List<TargetVerifier.Known> known =
        held().stream()
            .filter(held -> held.target().equals(target))
            .map(held -> new TargetVerifier.Known(held.principal(), held.grant(), held.expiresAt()))
            .toList();
    return new Mark(mark().epoch(), mark().principal(), known);
  }

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
    public Mark mark() {
      return new Mark(epoch, Optional.empty());
    }

    /** The same with this alone of what is known. */
    public WholeEpoch with(List<Held> these) {
      return new WholeEpoch(epoch, token, these, targets);
    }
  }

  /** One credential of an epoch that goes on. */
  record OneCredential(Held one) implements Condemned {
    public CredentialId id() {
      return one.id();
    }

    @Override
    public Epoch epoch() {
      return one.epoch();
    }

    @Override
    public Optional<Accessor> token() {
      return Optional.empty();
    }

    @Override
    public List<Held> held() {
      return List.of(one);
    }

    @Override
    public Set<String> targets() {
      return Set.of(one.target());
    }

    @Override
    public Mark mark() {
      return new Mark(one.epoch(), Optional.of(one.principal()));
    }
  }
}
