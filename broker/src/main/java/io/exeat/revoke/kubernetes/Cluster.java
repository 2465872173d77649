package io.exeat.revoke.kubernetes;

import com.fasterxml.jackson.databind.JsonNode;
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

  private static final long A_MOMENT = 50_000_000;

  private final Target.Kubernetes target;
  private final OwnLogins logins;
  private final Time time;
  private final ApiServer server;
  private final Object lending = new Object();
  private volatile @Nullable Pass pass;

  /** What we ask with: not renewed, so a new one is due at its half-life. */
  private record Pass(SecretBytes token, LeaseId lease, long lentAt, long halfLife) {}

  Cluster(Target.Kubernetes target, OwnLogins logins, Duration timeout, Time time) {
    this.target = target;
    this.logins = logins;
    this.time = time;
    this.server = new ApiServer(target, timeout);
  }

  /** Asks as ourselves; by a new account where the old one is not known any more. */
  Said ask(String method, String path, Optional<JsonNode> body)
      throws IOException, InterruptedException {
    Pass by = current();
    while (true) {
      Said said = server.ask(method, path, body, by.token);
      if (said.status() != 401 && said.status() != 403) {
        return said;
      }
      if (time.since(by.lentAt).compareTo(NEW) < 0) {
        LockSupport.parkNanos(A_MOMENT);
      } else if (said.status() == 401) {
        by = after(by);
      } else {
        return said;
      }
    }
  }

  private Pass current() {
    Pass now = pass;
    return now != null && !time.reached(now.halfLife) ? now : after(now);
  }

  /**
   * A new one; what asks with the old one meanwhile is told that it is not known, and comes back.
   */
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
              time.after(life.dividedBy(2)));
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
