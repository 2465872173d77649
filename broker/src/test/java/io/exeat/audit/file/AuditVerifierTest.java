package io.exeat.audit.file;

import static org.assertj.core.api.Assertions.assertThat;

import io.exeat.audit.AuditEvent;
import io.exeat.audit.AuditVerifier;
import io.exeat.audit.AuditVerifier.Expected;
import io.exeat.audit.AuditVerifier.Kind;
import io.exeat.audit.AuditVerifier.Result;
import io.exeat.audit.ChainFiles;
import io.exeat.audit.ChainLine;
import io.exeat.base.RequestId;
import io.exeat.base.Sha256;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class AuditVerifierTest {
  @TempDir private Path folder;
  private final List<byte[]> lines = new ArrayList<>();
  private Path file = Path.of("");

  @BeforeEach
  void aChainOfSix() throws IOException {
    String prev = ChainLine.NO_HASH;
    for (int seq = 1; seq <= 6; seq++) {
      byte[] fields =
          EventText.of(
              new AuditEvent.BrokerStopped("event " + seq),
              Instant.parse("2026-11-22T06:30:00Z").plusSeconds(seq),
              new RequestId("-"),
              false);
      byte[] line = ChainLine.complete(seq, fields, prev, Sha256.begin());
      prev = new ChainLine(line, 0, line.length - 1).hash();
      lines.add(line);
    }
    file = ChainFiles.named(folder, 1);
    write(lines);
  }

  @Test
  void aSoundChainIsCountedWithItsTimesAndHead() throws IOException {
    assertThat(verify())
        .isEqualTo(
            new Result.Sound(
                1, 6, "2026-11-22T06:30:01.000000000Z", "2026-11-22T06:30:06.000000000Z", head(6)));
  }

  @Test
  void anEmptyFolderIsAnEmptyChain() throws IOException {
    Files.delete(file);
    assertThat(verify()).isEqualTo(new Result.Sound(0, 0, "", "", ChainLine.NO_HASH));
  }

  @Test
  void aFlipInAnyByteIsFoundInItsLine() throws IOException {
    byte[] whole = Files.readAllBytes(file);
    for (int at = 0; at < whole.length; at++) {
      for (int bit : new int[] {0, 5}) {
        byte[] flipped = whole.clone();
        flipped[at] ^= (byte) (1 << bit);
        Files.write(file, flipped);
        int line = lineOf(at);
        assertThat(verify())
            .as("byte %d bit %d", at, bit)
            .isInstanceOfSatisfying(
                Result.Broken.class,
                broken -> {
                  assertThat(broken.line()).isEqualTo(line);
                  assertThat(broken.offset()).isEqualTo(offsetOf(line));
                  assertThat(broken.records()).isEqualTo(line - 1);
                  assertThat(broken.kind()).isEqualTo(Kind.CHANGED);
                });
      }
    }
  }

  @Test
  void everyDroppedRepeatedOrSwappedRecordIsFound() throws IOException {
    for (int i = 0; i < 6; i++) {
      List<byte[]> dropped = new ArrayList<>(lines);
      dropped.remove(i);
      write(dropped);
      if (i < 5) {
        assertBroken(Kind.DROPPED, i + 1, offsetOf(i + 1));
      } else {
        assertThat(verify()).isInstanceOf(Result.Sound.class);
        assertCut(6, 5);
      }
      List<byte[]> repeated = new ArrayList<>(lines);
      repeated.add(i, lines.get(i));
      write(repeated);
      assertBroken(Kind.DUPLICATE, i + 2, offsetOf(i + 2));
      for (int j = i + 1; j < 6; j++) {
        List<byte[]> swapped = new ArrayList<>(lines);
        Collections.swap(swapped, i, j);
        write(swapped);
        assertBroken(Kind.DROPPED, i + 1, offsetOf(i + 1));
      }
    }
  }

  @Test
  void everyTruncationInsideALineIsATornTailAndBetweenLinesNeedsTheCount() throws IOException {
    byte[] whole = Files.readAllBytes(file);
    for (int length = 0; length < whole.length; length++) {
      Files.write(file, Arrays.copyOf(whole, length));
      int line = lineOf(length);
      if (length == offsetOf(line)) {
        assertThat(verify()).isInstanceOf(Result.Sound.class);
        assertCut(6, line - 1);
      } else {
        assertBroken(Kind.TORN, line, offsetOf(line));
      }
    }
  }

  @Test
  void aTornLineInTheMiddleIsNoTornTail() throws IOException {
    write(lines.subList(0, 3));
    byte[] torn = Files.readAllBytes(file);
    Files.write(file, Arrays.copyOf(torn, torn.length - 10));
    Files.write(ChainFiles.named(folder, 4), concatenated(lines.subList(3, 6)));
    assertBroken(Kind.CHANGED, 3, offsetOf(3));
  }

  @Test
  void aMissingRepeatedOrEmptyFileIsSeen() throws IOException {
    write(lines.subList(0, 2));
    Files.write(ChainFiles.named(folder, 3), concatenated(lines.subList(2, 4)));
    Files.write(ChainFiles.named(folder, 5), concatenated(lines.subList(4, 6)));
    Files.createFile(ChainFiles.named(folder, 7));
    assertThat(verify())
        .isInstanceOfSatisfying(
            Result.Sound.class, sound -> assertThat(sound.records()).isEqualTo(6));
    Files.delete(ChainFiles.named(folder, 3));
    assertThat(verify())
        .isInstanceOfSatisfying(
            Result.Broken.class,
            broken -> {
              assertThat(broken.kind()).isEqualTo(Kind.DROPPED);
              assertThat(broken.file()).isEqualTo(ChainFiles.named(folder, 5));
            });
    Files.delete(file);
    assertThat(verify())
        .isInstanceOfSatisfying(
            Result.Broken.class, broken -> assertThat(broken.kind()).isEqualTo(Kind.DROPPED));
  }

  @Test
  void aRecordOfAnotherChainIsFoundByItsLink() throws IOException {
    byte[] fields =
        EventText.of(
            new AuditEvent.BrokerStopped("other"), Instant.EPOCH, new RequestId("-"), false);
    List<byte[]> other = new ArrayList<>(lines);
    other.set(3, ChainLine.complete(4, fields, "f".repeat(64), Sha256.begin()));
    write(other);
    assertBroken(Kind.REWRITTEN, 4, offsetOf(4));
  }

  @Test
  void aChainMadeAnewIsFoundByTheHashKnownElsewhere() throws IOException {
    assertThat(AuditVerifier.verify(folder, Optional.of(new Expected(4, Optional.of(head(4))))))
        .isInstanceOf(Result.Sound.class);
    assertThat(
            AuditVerifier.verify(folder, Optional.of(new Expected(4, Optional.of("a".repeat(64))))))
        .isInstanceOfSatisfying(
            Result.Broken.class,
            broken -> {
              assertThat(broken.kind()).isEqualTo(Kind.REWRITTEN);
              assertThat(broken.line()).isEqualTo(4);
            });
  }

  private Result verify() throws IOException {
    return AuditVerifier.verify(folder, Optional.empty());
  }

  private void assertBroken(Kind kind, int line, long offset) throws IOException {
    assertThat(verify())
        .isInstanceOfSatisfying(
            Result.Broken.class,
            broken -> {
              assertThat(broken.kind()).isEqualTo(kind);
              assertThat(broken.line()).isEqualTo(line);
              assertThat(broken.offset()).isEqualTo(offset);
            });
  }

  private void assertCut(long count, long there) throws IOException {
    assertThat(AuditVerifier.verify(folder, Optional.of(new Expected(count, Optional.empty()))))
        .isInstanceOfSatisfying(
            Result.Broken.class,
            broken -> {
              assertThat(broken.kind()).isEqualTo(Kind.CUT);
              assertThat(broken.records()).isEqualTo(there);
            });
  }

  private void write(List<byte[]> content) throws IOException {
    Files.write(file, concatenated(content));
  }

  private static byte[] concatenated(List<byte[]> content) {
    byte[] all = new byte[content.stream().mapToInt(line -> line.length).sum()];
    int at = 0;
    for (byte[] line : content) {
      System.arraycopy(line, 0, all, at, line.length);
      at += line.length;
    }
    return all;
  }

  private String head(int seq) {
    byte[] line = lines.get(seq - 1);
    return new ChainLine(line, 0, line.length - 1).hash();
  }

  /** From 1. */
  private int lineOf(int at) {
    int line = 1;
    while (line <= lines.size() && at >= offsetOf(line + 1)) {
      line++;
    }
    return line;
  }

  private long offsetOf(int line) {
    return lines.stream().limit(line - 1L).mapToLong(each -> each.length).sum();
  }
}
