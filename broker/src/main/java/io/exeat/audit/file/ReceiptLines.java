package io.exeat.audit.file;

import io.exeat.audit.AuditEvent;
import io.exeat.audit.ChainFiles;
import io.exeat.audit.ChainLine;
import io.exeat.base.CredentialId;
import io.exeat.base.Epoch;
import io.exeat.base.TaskId;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;

/**
 * Finds receipts in the files of a chain, which may be growing. Checks nothing: receipts are
 * signed.
 */
public final class ReceiptLines {
  private ReceiptLines() {}

  /** The latest {@code most} of the task's, oldest first. */
  public static List<AuditEvent.ReceiptSigned> of(Path folder, TaskId task, int most)
      throws IOException {
    List<AuditEvent.ReceiptSigned> newestFirst = new ArrayList<>();
    for (Path file : ChainFiles.in(folder).reversed()) {
      newestFirst.addAll(in(file, task).reversed());
      if (newestFirst.size() >= most) {
        break;
      }
    }
    List<AuditEvent.ReceiptSigned> latest =
        new ArrayList<>(newestFirst.subList(0, Math.min(most, newestFirst.size())));
    Collections.reverse(latest);
    return latest;
  }

  private static List<AuditEvent.ReceiptSigned> in(Path file, TaskId task) throws IOException {
    String kind = "\"kind\":\"receipt.signed\"";
    String of = "\"task\":\"" + task.value() + "\"";
    List<AuditEvent.ReceiptSigned> found = new ArrayList<>();
    try (BufferedReader lines = Files.newBufferedReader(file, StandardCharsets.ISO_8859_1)) {
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        if (line.contains(kind) && line.contains(of) && line.endsWith("\"}")) {
          found.add(receipt(line, task));
        }
      }
    }
    return found;
  }

  private static AuditEvent.ReceiptSigned receipt(String text, TaskId task) {
    byte[] bytes = text.getBytes(StandardCharsets.ISO_8859_1);
    ChainLine line = new ChainLine(bytes, 0, bytes.length);
    String credential = line.text("credential");
    return new AuditEvent.ReceiptSigned(
        new Epoch(task, line.number("epoch")),
        credential.isEmpty() ? Optional.empty() : Optional.of(new CredentialId(credential)),
        line.text("agent"),
        line.text("receipt"));
  }
}
