package io.exeat.app;

import io.exeat.config.ConfigException;
import io.exeat.task.ApproverDoors;
import io.exeat.task.Catalogue;
import io.exeat.task.CatalogueFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.Optional;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The catalogue as its file says now. A file that cannot be taken leaves the last good one in
 * force, and says so until it is mended.
 */
final class CatalogueWatch implements Supplier<Catalogue> {
  private static final Logger LOG = LoggerFactory.getLogger(CatalogueWatch.class);

  private final Path file;
  private final ApproverDoors doors;
  private volatile Catalogue good;
  private volatile Optional<String> problem = Optional.empty();
  private String seen;

  /**
   * @param doors the broker's
   * @throws ConfigException when the first one cannot be taken
   */
  CatalogueWatch(Path file, ApproverDoors doors) {
    this.file = file;
    this.doors = doors;
    this.seen = stamp();
    this.good = read();
  }

  @Override
  public Catalogue get() {
    return good;
  }

  /** Why the file as it is now is not in force, and what to do; empty when it is. */
  Optional<String> problem() {
    return problem;
  }

  /** Reads the file again if it is another one; called by one thread. */
  void look() {
    String now = stamp();
    if (now.equals(seen)) {
      return;
    }
    seen = now;
    try {
      Catalogue next = read();
      if (!next.targets().equals(good.targets())) {
        refuse("its targets differ: restart the broker to take them in");
        return;
      }
      good = next;
      problem = Optional.empty();
      LOG.info("The catalogue {} is in force as of now", file);
    } catch (ConfigException e) {
      refuse(String.join("; ", e.problems()));
    }
  }

  private Catalogue read() {
    return CatalogueFile.read(file, doors);
  }

  private void refuse(String why) {
    problem = Optional.of("the catalogue as last read is still in force; " + file + ": " + why);
    LOG.error("{}", problem.get());
  }

  /** Differs when the file does: also when another file was put in its place. */
  private String stamp() {
    try {
      BasicFileAttributes now = Files.readAttributes(file, BasicFileAttributes.class);
      return now.lastModifiedTime() + " " + now.size() + " " + now.fileKey();
    } catch (IOException e) {
      return "gone";
    }
  }
}
