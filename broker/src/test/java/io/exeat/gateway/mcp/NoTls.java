package io.exeat.gateway.mcp;

import io.exeat.gateway.mcp.url.UrlUpstream;
import io.exeat.task.UpstreamEntry;
import javax.net.ssl.SSLContext;
import org.jspecify.annotations.NullMarked;

/** For tool servers on loopback, which are called without TLS. */
@NullMarked
final class NoTls implements UrlUpstream.Trust {
  @Override
  public SSLContext of(UpstreamEntry.Server.Url url) {
    throw new AssertionError("no TLS here");
  }

  @Override
  public long version() {
    return 1;
  }
}
