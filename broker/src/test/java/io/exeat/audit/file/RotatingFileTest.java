package io.exeat.audit.file;

import static org.assertj.core.api.Assertions.assertThat;

import io.exeat.audit.ChainFiles;
import io.exeat.base.OwnFolder;
import java.io.ByteArrayOutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class RotatingFileTest {
  private final Random random = new Random(7);
  @TempDir private Path temp;

  @Test
  void linesOfAnyLengthAreInTheFileOneAfterTheOther() throws Exception {
    Path folder = temp.resolve("audit");
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    try (RotatingFile file =
        new RotatingFile(OwnFolder.hold(folder, "audit"), Tail.of(folder), Long.MAX_VALUE)) {
      long seq = 1;
      for (List<Integer> lengths :
          List.of(
              List.of(1),
              List.of(65_535, 1, 2),
              List.of(65_536),
              List.of(65_537, 3_000),
              List.of(262_144, 1, 262_144),
              IntStream.range(0, 1_024).mapToObj(_ -> 1 + random.nextInt(6_000)).toList())) {
        List<byte[]> lines = lengths.stream().map(this::line).toList();
        file.append(seq, lines);
        lines.forEach(all::writeBytes);
        seq += lines.size();

        assertThat(ChainFiles.in(folder)).hasSize(1);
        assertThat(Files.readAllBytes(ChainFiles.in(folder).getFirst()))
            .isEqualTo(all.toByteArray());
      }
    }
  }

  private byte[] line(int length) {
    byte[] line = new byte[length];
    random.nextBytes(line);
    return line;
  }
}
