package io.exeat.cli;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.exeat.v1.DatabaseLogin;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SeekableByteChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A libpq password file (PostgreSQL documentation, "The Password File"): mode 0600 from the start.
 */
final class PasswordFile implements AutoCloseable {
  private static final List<String> IN_MEMORY = List.of("/dev/shm", "/run/shm");

  private final Path path;
  private final SeekableByteChannel file;
  private boolean written;

  private PasswordFile(Path path, SeekableByteChannel file) {
    this.path = path;
    this.file = file;
  }

  /**
   * Makes the file, empty, so that nothing is lent that could not be written down.
   *
   * @throws java.nio.file.FileAlreadyExistsException rather than writing into what is there
   */
  static PasswordFile reserve(Path path) throws IOException {
    return new PasswordFile(
        path,
        Files.newByteChannel(
            path,
            EnumSet.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE),
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------"))));
  }

  /** Writes its one line. */
  void write(DatabaseLogin login) throws IOException {
    String line =
        String.join(
                ":",
                escaped(login.getHost()),
                Integer.toString(login.getPort()),
                escaped(login.getDatabase()),
                escaped(login.getUsername()),
                escaped(login.getPassword()))
            + "\n";
    write(line);
  }

  /** Writes something else than a login: a certificate with its key. */
  void write(String text) throws IOException {
    ByteBuffer bytes = ByteBuffer.wrap(text.getBytes(UTF_8));
    while (bytes.hasRemaining()) {
      var _ = file.write(bytes);
    }
    written = true;
  }

  /** Leaves no empty file behind. */
  @Override
  public void close() throws IOException {
    file.close();
    if (!written) {
      Files.deleteIfExists(path);
    }
  }

  /**
   * A fresh folder, mode 0700, that no disk sees: on tmpfs. In the injected volume of this
   * container alone ({@code EXEAT_FILES}) rather than in {@code XDG_RUNTIME_DIR}, and there rather
   * than where all containers of a pod write. Empty where there is none.
   */
  static Optional<Path> folderInMemory(Map<String, String> environment) throws IOException {
    List<String> places = new ArrayList<>();
    for (String variable : List.of("EXEAT_FILES", "XDG_RUNTIME_DIR")) {
      String place = environment.getOrDefault(variable, "");
      if (!place.isEmpty()) {
        places.add(place);
      }
    }
    places.addAll(IN_MEMORY);
    for (String place : places) {
      Path folder = Path.of(place);
      if (Files.isDirectory(folder)
          && Files.isWritable(folder)
          && Files.getFileStore(folder).type().equals("tmpfs")) {
        return Optional.of(Files.createTempDirectory(folder, "exeat-"));
      }
    }
    return Optional.empty();
  }

  private static String escaped(String field) {
    return field.replace("\\", "\\\\").replace(":", "\\:");
  }
}
