package io.exeat.credential.vault;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.exeat.base.BoundedHttpClient;
import java.net.http.HttpClient;
import java.time.Duration;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.Supplier;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;

/**
 * One pool of kept HTTP/1.1 connections, TLS 1.3 only, and its successor after each rotation of our
 * SVID: a connection, or a session resumed from it, would go on showing the old one. A pool is
 * closed when its last call has come back.
 */
final class Connections implements AutoCloseable {
  private final Supplier<SSLContext> tls;
  private final boolean plaintext;
  private final Duration timeout;
  private final ExecutorService threads =
      Executors.newThreadPerTaskExecutor(Thread.ofVirtual().name("vault-http-", 0).factory());

  @GuardedBy("this")
  private Pool now;

  Connections(VaultSettings settings, Supplier<SSLContext> tls) {
    this.timeout = settings.timeout();
    this.plaintext = "http".equals(settings.address().getScheme());
    this.tls = tls;
    this.now = new Pool(http());
  }

  /** A pool for one call. */
  synchronized Lease lend() {
    now.calls++;
    return new Lease(this, now);
  }

  void renew() {
    HttpClient next = http();
    synchronized (this) {
      Pool old = now;
      now = new Pool(next);
      old.retire();
    }
  }

  @Override
  public void close() {
    synchronized (this) {
      now.retire();
    }
    threads.shutdown();
  }

  private synchronized void giveBack(Pool pool) {
    pool.calls--;
    if (pool.retired) {
      pool.retire();
    }
  }

  private HttpClient http() {
    HttpClient.Builder http =
        HttpClient.newBuilder()
            .version(HttpClient.Version.HTTP_1_1)
            .followRedirects(HttpClient.Redirect.NEVER)
            .connectTimeout(timeout)
            .executor(threads);
    if (!plaintext) {
      SSLParameters only = new SSLParameters();
      only.setProtocols(new String[] {"TLSv1.3"});
      http.sslContext(tls.get()).sslParameters(only);
    }
    return new BoundedHttpClient(http.build());
  }

  /** A pool, held for the time of one call. */
  record Lease(Connections owner, Pool pool) implements AutoCloseable {
    HttpClient http() {
      return pool.http;
    }

    @Override
    public void close() {
      owner.giveBack(pool);
    }
  }

  /** Guarded by its owner. */
  static final class Pool {
    private final HttpClient http;
    private int calls;
    private boolean retired;

    Pool(HttpClient http) {
      this.http = http;
    }

    private void retire() {
      retired = true;
      if (calls == 0) {
        http.shutdown();
      }
    }
  }
}
