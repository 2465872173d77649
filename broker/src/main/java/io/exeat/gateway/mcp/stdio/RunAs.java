package io.exeat.gateway.mcp.stdio;

import io.exeat.base.CannotStart;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Whom a server runs as. A process of another user is one whose environment, memory and files the
 * agent cannot read: that is what keeps the credential from it.
 */
sealed interface RunAs {
  /** In a catalogue: the broker's own user, whatever that is. */
  String UNSAFE_SAME_USER = "unsafe-same-user";

  /** The whole command for these words; it becomes them, and is no child's parent. */
  List<String> command(List<String> words);

  /** Its number. */
  default int uid(Programs programs) {
    return switch (this) {
      case Other other -> other.uid();
      case Same _ -> programs.id("-u", "");
    };
  }

  /**
   * The user of this name.
   *
   * @throws CannotStart when there is no such user, it is the broker's own or root, or the broker
   *     may not become it
   */
  static RunAs named(String name, Programs programs) {
    if (name.equals(UNSAFE_SAME_USER)) {
      return new Same();
    }
    int own = programs.id("-u", "");
    int uid;
    int gid;
    try {
      uid = programs.id("-u", name);
      gid = programs.id("-g", name);
    } catch (IllegalStateException e) {
      throw new CannotStart(
          "an upstream's user '" + name + "' is not known on this machine",
          "Make one (useradd --system --no-create-home --shell /usr/sbin/nologin " + name + ").");
    }
    if (uid == 0 || uid == own) {
      throw new CannotStart(
          "an upstream's user '" + name + "' is " + (uid == 0 ? "root" : "the sidecar's own"),
          "Name a user that runs nothing else, or '" + UNSAFE_SAME_USER + "' to do without one.");
    }
    if (own != 0 && !mayChangeUser()) {
      throw new CannotStart(
          "this process (uid " + own + ") may not start an upstream's server as '" + name + "'",
          "Give the sidecar CAP_SETUID and CAP_SETGID (systemd: AmbientCapabilities=CAP_SETUID"
              + " CAP_SETGID), or run the server elsewhere and name its url, or name the user '"
              + UNSAFE_SAME_USER
              + "': then whoever shares the sidecar's uid can read the credential.");
    }
    return new Other(uid, gid);
  }

  /** Whether CAP_SETGID (6) and CAP_SETUID (7) are in force, by the kernel's word. */
  private static boolean mayChangeUser() {
    try {
      for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
        if (line.startsWith("CapEff:")) {
          long held = Long.parseUnsignedLong(line.substring(7).strip(), 16);
          return (held & 0xc0) == 0xc0;
        }
      }
      return false;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Another user, by its numbers; without any group but its own and without any capability. */
  record Other(int uid, int gid) implements RunAs {
    @Override
    public List<String> command(List<String> words) {
      List<String> all =
          new ArrayList<>(
              List.of(
                  "setpriv",
                  "--reuid=" + uid,
                  "--regid=" + gid,
                  "--clear-groups",
                  "--inh-caps=-all",
                  "--ambient-caps=-all",
                  "--no-new-privs",
                  "--pdeathsig=KILL",
                  "--"));
      all.addAll(words);
      return all;
    }
  }

  /** The broker's own: nothing is hidden from whoever shares it. */
  record Same() implements RunAs {
    @Override
    public List<String> command(List<String> words) {
      List<String> all =
          new ArrayList<>(List.of("setpriv", "--no-new-privs", "--pdeathsig=KILL", "--"));
      all.addAll(words);
      return all;
    }
  }
}
