package io.exeat.base;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.exeat.identity.TestTime;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.NullMarked;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

@NullMarked
final class GroupCommitTest {
  private static final Time TIME = TestTime.real();

  /** The batches that something was in, in order. */
  private final List<List<String>> written = new CopyOnWriteArrayList<>();

  private final CountDownLatch disk = new CountDownLatch(1);
  private final GroupCommit<String> commit = new GroupCommit<>("test", TIME, this::write);

  private void write(List<GroupCommit.Entry<String>> entries) {
    if (entries.isEmpty()) {
      return;
    }
    try {
      disk.await();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
    entries.stream()
        .filter(entry -> entry.item().equals("bad"))
        .forEach(entry -> entry.fail(() -> new IllegalStateException("refused")));
    written.add(entries.stream().map(GroupCommit.Entry::item).toList());
  }

  @AfterEach
  void end() {
    disk.countDown();
    commit.close();
  }

  private Durable begin(String item, Duration within) {
    return commit.begin(item, within, "the test", IllegalStateException::new);
  }

  @Test
  void whatFollowsAWriteRunsOnceItIsThroughAndNotBefore() {
    AtomicInteger runs = new AtomicInteger();
    Durable good = begin("good", Duration.ofSeconds(10));
    Durable bad = begin("bad", Duration.ofSeconds(10));
    good.then(runs::incrementAndGet);
    bad.then(runs::incrementAndGet);
    assertThat(runs).hasValue(0);

    disk.countDown();

    await().until(() -> runs.get() == 2);
    good.await();
    assertThatThrownBy(bad::await).hasMessage("refused");
    good.then(runs::incrementAndGet);
    assertThat(runs).hasValue(3);
  }

  @Test
  void whoAwaitsASlowDiskIsToldSoAndItsItemIsThroughLater() {
    Durable one = begin("one", Duration.ofSeconds(1));
    assertThatThrownBy(one::await)
        .hasMessage("the test's disk has not answered for 1 s; look at its health");

    disk.countDown();

    begin("two", Duration.ofSeconds(10)).await();
    assertThat(written.stream().flatMap(List::stream)).containsExactly("one", "two");
    one.await();
  }

  @Test
  void afterTheCloseNothingIsTakenInAndWhatWasBeforeIsThrough() {
    disk.countDown();
    Durable one = begin("one", Duration.ofSeconds(10));
    commit.close();

    one.await();
    assertThat(written).containsExactly(List.of("one"));
    assertThatThrownBy(() -> begin("two", Duration.ofSeconds(10))).hasMessage("the test is closed");
  }

  @Test
  void whatNobodyWaitsForGoesWithWhatIsWaitedForOrSoon() throws Exception {
    disk.countDown();
    commit.later("a");
    begin("b", Duration.ofSeconds(10)).await();
    commit.later("c");
    commit.later("d");

    await().until(() -> written.size() == 2);

    assertThat(written).containsExactly(List.of("a", "b"), List.of("c", "d"));
    assertThat(commit.waits().seen().counts().stream().mapToLong(it -> it).sum()).isEqualTo(1);
  }

  @Test
  void whatNobodyWaitsForIsWrittenBeforeItIsClosed() {
    disk.countDown();
    commit.later("a");

    commit.close();

    assertThat(written).containsExactly(List.of("a"));
  }
}
