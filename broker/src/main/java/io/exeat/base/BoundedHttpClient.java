package io.exeat.base;

import java.io.IOException;
import java.net.Authenticator;
import java.net.CookieHandler;
import java.net.ProxySelector;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpTimeoutException;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;

/**
 * The JDK's client, for which the timeout of a request is that of its whole answer. The JDK's own
 * is over with the head of it (JDK 25): a server that stops in the middle would be waited for
 * without end.
 */
public final class BoundedHttpClient extends HttpClient {
  private final HttpClient http;

  /** Takes {@code http} over and closes it. */
  public BoundedHttpClient(HttpClient http) {
    this.http = http;
  }

  /**
   * Sends {@code request} and reads its answer as {@code body} says.
   *
   * @throws HttpTimeoutException when not all of it was there within the request's timeout; the
   *     connection is given up then
   */
  @Override
  public <T> HttpResponse<T> send(HttpRequest request, HttpResponse.BodyHandler<T> body)
      throws IOException, InterruptedException {
    Optional<Duration> within = request.timeout();
    CompletableFuture<HttpResponse<T>> answer = http.sendAsync(request, body);
    try {
      return within.isPresent()
          ? answer.get(within.get().toNanos(), TimeUnit.NANOSECONDS)
          : answer.get();
    } catch (TimeoutException e) {
      throw new HttpTimeoutException("no answer within " + within.orElseThrow().toMillis() + " ms");
    } catch (ExecutionException e) {
      throw e.getCause() instanceof IOException why ? why : new IOException(e.getCause());
    } finally {
      answer.cancel(true);
    }
  }

  @Override
  public <T> CompletableFuture<HttpResponse<T>> sendAsync(
      HttpRequest request, HttpResponse.BodyHandler<T> body) {
    return http.sendAsync(request, body);
  }

  @Override
  public <T> CompletableFuture<HttpResponse<T>> sendAsync(
      HttpRequest request,
      HttpResponse.BodyHandler<T> body,
      HttpResponse.PushPromiseHandler<T> pushes) {
    return http.sendAsync(request, body, pushes);
  }

  @Override
  public Optional<CookieHandler> cookieHandler() {
    return http.cookieHandler();
  }

  @Override
  public Optional<Duration> connectTimeout() {
    return http.connectTimeout();
  }

  @Override
  public Redirect followRedirects() {
    return http.followRedirects();
  }

  @Override
  public Optional<ProxySelector> proxy() {
    return http.proxy();
  }

  @Override
  public SSLContext sslContext() {
    return http.sslContext();
  }

  @Override
  public SSLParameters sslParameters() {
    return http.sslParameters();
  }

  @Override
  public Optional<Authenticator> authenticator() {
    return http.authenticator();
  }

  @Override
  public Version version() {
    return http.version();
  }

  @Override
  public Optional<Executor> executor() {
    return http.executor();
  }

  @Override
  public void shutdown() {
    http.shutdown();
  }

  @Override
  public boolean awaitTermination(Duration duration) throws InterruptedException {
    return http.awaitTermination(duration);
  }

  @Override
  public boolean isTerminated() {
    return http.isTerminated();
  }

  @Override
  public void shutdownNow() {
    http.shutdownNow();
  }

  @Override
  public void close() {
    http.close();
  }
}
