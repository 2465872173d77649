package io.exeat.gateway.mcp.stdio;

import io.exeat.base.Epoch;
import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import io.exeat.base.Subscription;
import io.exeat.base.Time;
import io.exeat.flow.Use;
import io.exeat.task.UpstreamEntry;
import java.io.IOException;
import java.security.SecureRandom;
import java.util.HexFormat;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The servers that run now: for each epoch of a task and each upstream one process for stateless
 * requests, and one for each session. All of an epoch's end with it, before its credential is
 * proven dead.
 */
final class Servers implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Servers.class);
  private static final int MOST_SESSIONS = 4;
  private static final SecureRandom RANDOM = new SecureRandom();

  private final Programs programs = new Programs();
  private final Time time;
  private final ConcurrentMap<Key, Group> groups = new ConcurrentHashMap<>();
  private final ConcurrentMap<String, RunAs> users = new ConcurrentHashMap<>();

  /** Who ends servers shares it; the starter of programs, which that takes, closes after them. */
  private final ReadWriteLock ending = new ReentrantReadWriteLock();

  Servers(Time time) {
    this.time = time;
  }

  /**
   * Whose they are: an epoch's, so that nothing goes on under a credential of the one before; and
   * of what the catalogue says now.
   */
  private record Key(Epoch epoch, String upstream, UpstreamEntry.Server server) {
    Key(UpstreamEntry entry, Use use) {
      this(use.epoch(), entry.name(), entry.server());
    }
  }

  /** An epoch's, of one upstream. */
  private final class Group {
    final Map<String, Conversation> sessions = new ConcurrentHashMap<>();
    final Conversation stateless;
    final Subscription end;

    Group(Key key, UpstreamEntry entry, Use use) {
      this.stateless = conversation(entry, use, false);
      this.end = use.whenEnded(why -> end(key));
    }
  }

  /**
   * Where this use's stateless requests go.
   *
   * @param use permitted; it ends what was started under it
   */
  Conversation stateless(UpstreamEntry entry, Use use) {
    return group(entry, use).stateless;
  }

  /** A new session. */
  Named open(UpstreamEntry entry, Use use) {
    Group group = group(entry, use);
    group.sessions.values().removeIf(Conversation::isOver);
    if (group.sessions.size() >= MOST_SESSIONS) {
      throw new FaultException(
          new Fault.Exhausted("sessions of this task with " + entry.name(), MOST_SESSIONS));
    }
    byte[] random = new byte[16];
    RANDOM.nextBytes(random);
    String id = HexFormat.of().formatHex(random);
    Conversation fresh = conversation(entry, use, true);
    group.sessions.put(id, fresh);
    if (groups.get(new Key(entry, use)) != group) {
      fresh.close(); // whoever ended the others did not see this one
      throw new FaultException(use.ended().orElseGet(() -> new Fault.NotServing("stopping")));
    }
    return new Named(id, fresh);
  }

  /** A session and its name. */
  record Named(String id, Conversation conversation) {}

  /** A session of this very task, epoch and upstream; another's does not exist. */
  Optional<Conversation> session(UpstreamEntry entry, Use use, String id) {
    return Optional.ofNullable(groups.get(new Key(entry, use)))
        .map(group -> group.sessions.get(id))
        .filter(it -> !it.isOver());
  }

  /** Ends a session, if there is one of this name. */
  void end(UpstreamEntry entry, Use use, String id) {
    Optional.ofNullable(groups.get(new Key(entry, use)))
        .map(group -> group.sessions.remove(id))
        .ifPresent(session -> sharing(session::close));
  }

  private Group group(UpstreamEntry entry, Use use) {
    Key key = new Key(entry, use);
    Group group = groups.computeIfAbsent(key, it -> new Group(it, entry, use));
    use.ended()
        .ifPresent(why -> {
          end(key); // between the decision and here
          throw new FaultException(why);
        });
    return group;
  }

  private Conversation conversation(UpstreamEntry entry, Use use, boolean session) {
    String whose = "mcp server " + entry.name() + " of " + use.epoch().task().value();
    Noise noise = new Noise(LOG, whose, use.credential().map(it -> it.secret()), time);
    return new Conversation(heard -> start(entry, use, heard), session, time, noise);
  }

  private ServerProcess start(UpstreamEntry entry, Use use, ServerProcess.Heard heard)
      throws IOException {
    if (!(entry.server() instanceof UpstreamEntry.Server.Command command)) {
      throw new IllegalArgumentException(entry.name() + " is not started by us");
    }
    PrivateFolder folder = null;
    try {
      RunAs user = user(command);
      folder = PrivateFolder.make(user, programs);
      Launch launch = Launch.of(command, use.credential(), folder);
      return ServerProcess.start(user, programs, folder, launch, heard);
    } catch (IOException | RuntimeException e) {
      if (folder != null) {
        folder.close();
      }
      LOG.error("the server of upstream {} cannot be started", entry.name(), e);
      throw new IOException("its tool server cannot be started; the sidecar's log says why", e);
    }
  }

  /** Whom it runs as; looked up once. */
  RunAs user(UpstreamEntry.Server.Command command) {
    return users.computeIfAbsent(
        command.user(),
        name -> {
          RunAs user = RunAs.named(name, programs);
          PrivateFolder.sweep(user, programs);
          return user;
        });
  }

  private void end(Key key) {
    sharing(() -> {
      Group group = groups.remove(key);
      if (group != null) {
        group.end.close();
        group.stateless.close();
        group.sessions.values().forEach(Conversation::close);
      }
    });
  }

  private void sharing(Runnable end) {
    ending.readLock().lock();
    try {
      end.run();
    } finally {
      ending.readLock().unlock();
    }
  }

  /** Waits for those that are being ended. */
  @Override
  public void close() {
    groups.keySet().forEach(this::end);
    ending.writeLock().lock();
    try {
      programs.close();
    } finally {
      ending.writeLock().unlock();
    }
  }
}
