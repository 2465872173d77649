package io.exeat.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A signal may come at any moment of a command's life. */
final class ChildTest {
  @TempDir Path place;
  private final Child child = new Child();

  private final class Sleep implements Child.Beginning {
    final Runnable meanwhile;
    boolean begun;

    Sleep(Runnable meanwhile) {
      this.meanwhile = meanwhile;
    }

    @Override
    public Optional<Path> folder() throws IOException {
      begun = true;
      return Optional.of(Files.createDirectory(place.resolve("login")));
    }

    @Override
    public Process process(Optional<Path> folder) throws IOException {
      meanwhile.run();
      Files.writeString(folder.orElseThrow().resolve(Child.PASSWORD_FILE), "secret");
      return new ProcessBuilder("sleep", "60").start();
    }
  }

  @Test
  void aCommandThatWasStoppedNeverBegins() {
    Sleep sleep = new Sleep(() -> {});
    child.stop();
    child.removeFolder();

    assertThatThrownBy(() -> child.start(sleep)).isInstanceOf(IOException.class);
    assertThat(sleep.begun).isFalse();
  }

  @Test
  void aCommandThatIsStoppedAsItBeginsLeavesNothingBehind() throws Exception {
    Thread signal =
        new Thread(() -> {
          child.stop();
          child.removeFolder();
        });
    Sleep sleep =
        new Sleep(() -> {
          signal.start();
          await().until(() -> signal.getState() == Thread.State.BLOCKED);
        });

    Process process = child.start(sleep);
    signal.join();

    assertThat(process.waitFor()).isNotZero();
    assertThat(place.resolve("login")).doesNotExist();
  }
}
