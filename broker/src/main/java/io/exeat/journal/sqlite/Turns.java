package io.exeat.journal.sqlite;

import io.exeat.base.GroupCommit.Entry;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * The entries of a batch in the order in which they came, cut where one is about something that an
 * earlier one begins or ends: what it says can be judged only once that one holds. Nearly always
 * that is the whole batch.
 */
final class Turns {
  private Turns() {}

  static List<List<Entry<Fact>>> of(List<Entry<Fact>> batch) {
    List<List<Entry<Fact>>> turns = new ArrayList<>();
    List<Entry<Fact>> turn = new ArrayList<>();
    Set<Object> changing = new HashSet<>();
    for (Entry<Fact> entry : batch) {
      Object about = about(entry.item());
      if (changing.contains(about)) {
        turns.add(turn);
        turn = new ArrayList<>();
        changing.clear();
      }
      turn.add(entry);
      changes(entry.item(), changing);
    }
    turns.add(turn);
    return turns;
  }

  /** What must be there for the fact to make sense. */
  private static Object about(Fact fact) {
    return switch (fact) {
      case Fact.Session it -> it.session();
      case Fact.SessionEnded it -> it.session();
      case Fact.Intended it -> it.epoch();
      case Fact.Bound it -> it.epoch();
      case Fact.Lent it -> it.credential().epoch();
      case Fact.Ending it -> it.epoch();
      // Whose it is, only the ledger knows: a death is about every credential.
      case Fact.Dead _ -> Fact.Dead.class;
      case Fact.Settled it -> it.epoch();
      case Fact.Killed it -> it.kill().agent();
      case Fact.Restored it -> it.agent();
    };
  }

  /** What is there, or not any more, by the fact. */
  private static void changes(Fact fact, Set<Object> changing) {
    switch (fact) {
      case Fact.Session it -> changing.add(it.session());
      case Fact.SessionEnded it -> changing.add(it.session());
      case Fact.Intended it -> changing.add(it.epoch());
      case Fact.Settled it -> {
        changing.add(it.epoch());
        changing.add(Fact.Dead.class);
      }
      case Fact.Killed it -> changing.add(it.kill().agent());
      case Fact.Restored it -> changing.add(it.agent());
      case Fact.Lent _ -> changing.add(Fact.Dead.class);
      case Fact.Bound _, Fact.Ending _, Fact.Dead _ -> {}
    }
  }
}
