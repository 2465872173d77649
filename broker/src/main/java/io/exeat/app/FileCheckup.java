package io.exeat.app;

import io.exeat.gateway.grpc.UnixDoor;
import io.exeat.gateway.grpc.UnixDoorConfig;
import io.exeat.policy.PolicyConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;

/** The doctor's look at files, folders and sockets: what the sidecar may, and what nobody else. */
final class FileCheckup {
  private static final String CHECK = "permissions";

  /** Below it, a journal or an audit chain on the same disk is soon in trouble. */
  private static final long LEAST_SPACE = 64L << 20;

  private final Findings findings;

  FileCheckup(Findings findings) {
    this.findings = findings;
  }

  void look(BrokerConfig config, Optional<Path> file) {
    file.ifPresent(this::input);
    socket(config.socket().socket(), "rw-rw----");
    config.moreSockets().forEach(one -> socket(one, "rw-rw----"));
    config.mcp().ifPresent(it -> it.sockets().forEach(one -> socket(one, "rw-rw----")));
    config.socket().group().ifPresent(group -> group(config.socket(), group));
    socket(config.admin().socket(), "rw-------");
    if (config.form() instanceof BrokerConfig.AllInOne here) {
      input(here.catalogue());
      here.vault().ca().ifPresent(this::input);
      here.targetsCa().ifPresent(this::input);
      if (here.policy() instanceof PolicyConfig.Cedar cedar) {
        cedar.folder().ifPresent(this::input);
      }
      folder(here.journal());
      folder(here.audit());
    }
  }

  /** Whoever may write it decides what is lent, or who is believed. */
  private void input(Path file) {
    try {
      Set<PosixFilePermission> mode = Files.getPosixFilePermissions(file);
      int owner = (Integer) Files.getAttribute(file, "unix:uid");
      String seen = PosixFilePermissions.toString(mode) + " of uid " + owner;
      if (!Files.isReadable(file)) {
        findings.wrong(CHECK, file.toString(), seen, "let uid " + Own.uid() + " read it");
      } else if (owner != 0 && owner != Own.uid()) {
        findings.wrong(
            CHECK, file.toString(), seen, "chown root " + file + ": its owner can change it");
      } else if (mode.contains(PosixFilePermission.GROUP_WRITE)
          || mode.contains(PosixFilePermission.OTHERS_WRITE)) {
        findings.wrong(CHECK, file.toString(), seen, "chmod go-w " + file);
      } else {
        findings.ok(CHECK, file.toString(), seen);
      }
    } catch (IOException e) {
      findings.wrong(
          CHECK,
          file.toString(),
          "cannot be seen",
          "put it there, and let uid " + Own.uid() + " read it");
    }
  }

  private void socket(Path socket, String mode) {
    try {
      UnixDoor.check(socket);
      if (!Files.exists(socket, LinkOption.NOFOLLOW_LINKS)) {
        findings.ok(CHECK, socket.toString(), "its folder is, or can be made, as it must be");
        return;
      }
      String seen = PosixFilePermissions.toString(Files.getPosixFilePermissions(socket));
      if (seen.equals(mode)) {
        findings.ok(CHECK, socket.toString(), seen);
      } else {
        findings.wrong(
            CHECK, socket.toString(), seen, "restart the sidecar, which makes it " + mode);
      }
    } catch (IOException e) {
      String said = String.valueOf(e.getMessage());
      findings.wrong(
          CHECK,
          socket.toString(),
          said,
          "the folder must belong to uid "
              + Own.uid()
              + " with mode 0750: "
              + Objects.requireNonNullElse(socket.toAbsolutePath().getParent(), socket));
    }
  }

  /** Agents come to the socket through the folder, as members of the group. */
  private void group(UnixDoorConfig socket, String group) {
    Path folder = Objects.requireNonNull(socket.socket().toAbsolutePath().getParent());
    try {
      var wanted =
          folder.getFileSystem().getUserPrincipalLookupService().lookupPrincipalByGroupName(group);
      if (!Files.isDirectory(folder)) {
        findings.ok("socket-group", group, "exists; " + folder + " will be given to it");
        return;
      }
      Object has = Files.getAttribute(folder, "posix:group");
      Set<PosixFilePermission> mode = Files.getPosixFilePermissions(folder);
      boolean enters =
          mode.contains(PosixFilePermission.OTHERS_EXECUTE)
              || (has.equals(wanted) && mode.contains(PosixFilePermission.GROUP_EXECUTE));
      if (enters) {
        findings.ok("socket-group", group, "may enter " + folder);
      } else {
        findings.wrong(
            "socket-group",
            group,
            "may not enter "
                + folder
                + " ("
                + PosixFilePermissions.toString(mode)
                + " of "
                + has
                + ")",
            "chgrp " + group + " " + folder + " && chmod 0750 " + folder);
      }
    } catch (IOException e) {
      findings.wrong(
          "socket-group",
          group,
          "there is no such group",
          "groupadd " + group + ", or mend socket.group");
    }
  }

  private void folder(Path folder) {
    Path there = folder.toAbsolutePath().normalize();
    try {
      if (!Files.exists(there)) {
        Path above = there;
        while (!Files.exists(above)) {
          above = Objects.requireNonNull(above.getParent());
        }
        if (Files.isDirectory(above) && Files.isWritable(above)) {
          findings.ok(CHECK, there.toString(), "can be made in " + above);
        } else {
          findings.wrong(
              CHECK,
              there.toString(),
              "is not there, and " + above + " is not ours to make it in",
              "install -d -m 0700 -o " + Own.uid() + " " + there);
        }
        return;
      }
      String mode = PosixFilePermissions.toString(Files.getPosixFilePermissions(there));
      int owner = (Integer) Files.getAttribute(there, "unix:uid");
      long space = Files.getFileStore(there).getUsableSpace();
      if (!Files.isDirectory(there) || owner != Own.uid() || !mode.equals("rwx------")) {
        findings.wrong(
            CHECK,
            there.toString(),
            mode + " of uid " + owner,
            "give it to the sidecar alone: chown " + Own.uid() + " and chmod 0700 " + there);
      } else if (space < LEAST_SPACE) {
        findings.wrong(
            CHECK,
            there.toString(),
            (space >> 20) + " MiB are free there",
            "make room: without it nothing is lent, because nothing can be written down");
      } else {
        findings.ok(CHECK, there.toString(), mode + ", " + (space >> 20) + " MiB free");
      }
    } catch (IOException e) {
      findings.wrong(
          CHECK, there.toString(), "cannot be seen", "let uid " + Own.uid() + " come there");
    }
  }
}
