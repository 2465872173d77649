package io.exeat.journal;

final class InMemoryJournalTest extends JournalContract {
  @Override
  protected Journal fresh() {
    return new InMemoryJournal();
  }

  @Override
  protected Journal restarted(Journal journal) {
    return journal;
  }

  @Override
  protected void breakDown(Journal journal) {
    ((InMemoryJournal) journal).breakDown("broken by the test");
  }
}
