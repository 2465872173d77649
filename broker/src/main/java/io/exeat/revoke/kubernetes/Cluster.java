package io.exeat.revoke.kubernetes;

import com.fasterxml.jackson.databind.JsonNode;
import io.exeat.base.FaultException;
import io.exeat.base.LeaseId;
import io.exeat.base.SecretBytes;
import io.exeat.base.Time;
import io.exeat.credential.Lent;
import io.exeat.credential.OwnLogins;
import io.exeat.revoke.kubernetes.ApiServer.Said;
import io.exeat.task.Target;
import java.io.IOException;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/** One cluster, asked by an account of the broker's own that Vault lends. */
final class Cluster implements AutoCloseable {
  /** An account that was just made may do nothing yet: API servers hear of bindings by and by. */
  private static final Duration NEW = Duration.ofSeconds(5);

  private static final int UNKNOWN = 401;
  private static final int FORBIDDEN = 403;
  private static final long A_MOMENT = 50_000_000;

  private final Target.Kubernetes target;
  private final OwnLogins logins;
  private final Time time;
  private final ApiServer server;
  private final Object lending = new Object();
  private volatile @Nullable Pass pass;

  /** What we ask with: not renewed, so a new one is due at its half-life. */
  private record Pass(SecretBytes token, LeaseId lease, long lentAt, long halfLife, long end) {}

  Cluster(Target.Kubernetes target, OwnLogins logins, Duration timeout, Time time) {
    this.target = target;
    this.logins = logins;
    this.time = time;
    this.server = new ApiServer(target, timeout);
  }

  /**
   * Asks as ourselves; once more by a newer account where this one is not known any more. Who may
   * not is told so, and no account is lent for it. An account of a moment ago is given a moment.
   */
  Said ask(String method, String path, Optional<JsonNode> body)
      throws IOException, InterruptedException {
    Pass by = current();
    Said said = patiently(method, path, body, by);
    if (said.status() == UNKNOWN) {
      return patiently(method, path, body, after(by));
    }
    Pass now = pass;
    if (said.status() == FORBIDDEN && now != null && !now.lease.equals(by.lease)) {
      return patiently(method, path, body, now); // it was given back meanwhile
    }
    return said;
  }

  private Said patiently(String method, String path, Optional<JsonNode> body, Pass by)
      throws IOException, InterruptedException {
    Said said = server.ask(method, path, body, by.token);
    while (isRefused(said) && time.since(by.lentAt).compareTo(NEW) < 0) {
      LockSupport.parkNanos(A_MOMENT);
      if (Thread.interrupted()) {
        throw new InterruptedException();
      }
      said = server.ask(method, path, body, by.token);
    }
    return said;
  }

  private static boolean isRefused(Said said) {
    return said.status() == UNKNOWN || said.status() == FORBIDDEN;
  }

  /** With Vault away the old one is used for as long as it lasts. */
  private Pass current() {
    Pass now = pass;
    if (now != null && !time.reached(now.halfLife)) {
      return now;
    }
    try {
      return after(now);
    } catch (FaultException e) {
      if (now != null && !time.reached(now.end)) {
        return now;
      }
      throw e;
    }
  }

  /** A new one, unless somebody else has it already. */
  private Pass after(@Nullable Pass old) {
    synchronized (lending) {
      Pass now = pass;
      if (now != null && (old == null || !now.lease.equals(old.lease))) {
        return now;
      }
      Lent lent = logins.verifier(target);
      Duration life = Duration.between(time.now(), lent.expiresAt());
      Pass made =
          new Pass(
              lent.secret(),
              lent.lease(),
              time.after(Duration.ZERO),
              time.after(life.dividedBy(2)),
              time.after(life));
      pass = made;
      if (old != null) {
        Thread.ofVirtual().name("verifier-give-back").start(() -> logins.giveBack(old.lease));
      }
      return made;
    }
  }

  @Override
  public void close() {
    server.close();
    Pass last = pass;
    if (last != null) {
      last.token.close();
    }
  }
}
