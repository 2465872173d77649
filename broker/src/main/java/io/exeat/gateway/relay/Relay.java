package io.exeat.gateway.relay;

import io.exeat.attest.Attestor;
import io.exeat.gateway.grpc.Naming;
import io.exeat.gateway.grpc.Served;
import io.exeat.identity.SpiffeTls;
import io.exeat.v1.CredentialsGrpc;
import io.exeat.v1.DecisionsGrpc;
import io.exeat.v1.TasksGrpc;
import io.grpc.Attributes;
import io.grpc.ClientTransportFilter;
import io.grpc.Metadata;
import io.grpc.ServerCallHandler;
import io.grpc.ServerServiceDefinition;
import io.grpc.netty.NettyChannelBuilder;
import io.grpc.stub.MetadataUtils;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.epoll.EpollSocketChannel;
import io.netty.handler.ssl.SslContext;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;

/**
 * {@code exeat.v1.Tasks}, {@code Credentials} and {@code Decisions} as served by a sidecar whose
 * broker is elsewhere: every call is sent on as it came, over mTLS with the caller's own SVID, and
 * the answer comes back as it was given.
 *
 * <p>The sidecar adds the one thing that the broker cannot see, the caller's process: a task that
 * is bound to it is refused to other processes, and cancelled when it has gone. Each process has a
 * name at the broker and connections of its own: what is bound to it ends with them, whoever else
 * shows the same SPIFFE ID.
 */
public final class Relay implements AutoCloseable {

  private static final int KEEP_ALIVE_SECONDS = 30;
  private static final int KEEP_ALIVE_TIMEOUT_SECONDS = 10;

  /** An instance that ends no task and does not call costs a connection for so long. */
  private static final Duration IDLE = Duration.ofSeconds(60);

  private final Attestor attestor;
  private final Links links;

  /**
   * @param work runs what may wait: one virtual thread for each task
   */
  public Relay(
      RelayConfig config, Attestor attestor, SpiffeTls tls, EventLoopGroup loops, Executor work) {
    this(config, attestor, tls, loops, work, IDLE);
  }

  Relay(
      RelayConfig config,
      Attestor attestor,
      SpiffeTls tls,
      EventLoopGroup loops,
      Executor work,
      Duration idle) {
    this.attestor = attestor;
    this.links =
        new Links(
            attestor,
            (svid, name, stands) ->
                connect(
                        config,
                        tls.client(svid, config.broker()::equals),
                        name,
                        () -> work.execute(stands))
                    .eventLoopGroup(loops)
                    .executor(work)
                    .build(),
            loops,
            work,
            idle);
  }

  private static NettyChannelBuilder connect(
      RelayConfig config, SslContext tls, String name, Runnable stands) {
    Metadata named = new Metadata();
    named.put(Naming.INSTANCE, name);
    return NettyChannelBuilder.forAddress(config.host(), config.port())
        .channelType(EpollSocketChannel.class)
        .intercept(MetadataUtils.newAttachHeadersInterceptor(named))
        .addTransportFilter(
            new ClientTransportFilter() {
              @Override
              public Attributes transportReady(Attributes attributes) {
                stands.run();
                return attributes;
              }
            })
        .sslContext(tls)
        .keepAliveTime(KEEP_ALIVE_SECONDS, TimeUnit.SECONDS)
        .keepAliveTimeout(KEEP_ALIVE_TIMEOUT_SECONDS, TimeUnit.SECONDS)
        .keepAliveWithoutCalls(true);
  }

  /** What the sidecar's door serves in place of a broker's own services. */
  public Served served() {
    return new Served(
        List.of(
            service(
                TasksGrpc.SERVICE_NAME,
                List.of(
                    Method.OPEN,
                    Method.CHANGE_SCOPE,
                    Method.COMPLETE,
                    Method.CANCEL,
                    Method.GET,
                    Method.WATCH)),
            service(CredentialsGrpc.SERVICE_NAME, List.of(Method.ISSUE, Method.RELEASE)),
            service(DecisionsGrpc.SERVICE_NAME, List.of(Method.CHECK, Method.CHECK_ALL))),
        peer -> false);
  }

  private ServerServiceDefinition service(String name, List<Method> methods) {
    ServerServiceDefinition.Builder service = ServerServiceDefinition.builder(name);
    for (Method method : methods) {
      service.addMethod(method.descriptor(), handler(method));
    }
    return service.build();
  }

  private ServerCallHandler<byte[], byte[]> handler(Method method) {
    return method == Method.CHECK_ALL
        ? (call, headers) -> new RelayedChecks(call, headers, attestor, links).begin()
        : (call, headers) -> new RelayedCall(method, call, headers, attestor, links).begin();
  }

  /** Instances that have a connection to the broker. */
  int links() {
    return links.size();
  }

  /** Ends the tasks that are bound to processes, as far as the broker can be told, within 5 s. */
  @Override
  public void close() {
    links.close();
  }
}
