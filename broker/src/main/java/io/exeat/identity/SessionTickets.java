package io.exeat.identity;

import java.net.Socket;
import java.nio.ByteBuffer;
import java.security.Principal;
import java.security.PrivateKey;
import java.security.cert.X509Certificate;
import javax.net.ssl.KeyManager;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLEngineResult.HandshakeStatus;
import javax.net.ssl.SSLException;
import javax.net.ssl.TrustManager;
import javax.net.ssl.X509ExtendedKeyManager;
import javax.net.ssl.X509ExtendedTrustManager;
import org.jspecify.annotations.Nullable;

/**
 * Finds out whether this JVM's TLS server hands out session tickets, by two handshakes in memory:
 * the property that decides it is read once, so its value now would prove nothing.
 */
final class SessionTickets {
  private static final int MOST_STEPS = 100;

  private SessionTickets() {}

  static boolean areHandedOut(Svid svid) {
    Anyone seen = new Anyone();
    SSLContext one = SpiffeTls.jdk(new KeyManager[] {new Shows(svid)}, new TrustManager[] {seen});
    try {
      shakeHands(one);
      shakeHands(one);
    } catch (SSLException e) {
      throw new IllegalStateException("a TLS handshake with our own X.509-SVID fails", e);
    }
    // A resumed session shows no certificate.
    return seen.certificates < 2;
  }

  private static void shakeHands(SSLContext one) throws SSLException {
    SSLEngine server = one.createSSLEngine();
    server.setUseClientMode(false);
    SSLEngine client = one.createSSLEngine("probe", 1);
    client.setUseClientMode(true);
    shakeHands(client, server);
  }

  /** Goes on after the handshake until neither side has anything to say: tickets come last. */
  private static void shakeHands(SSLEngine client, SSLEngine server) throws SSLException {
    int size = client.getSession().getPacketBufferSize() * 2;
    ByteBuffer toServer = ByteBuffer.allocate(size);
    ByteBuffer toClient = ByteBuffer.allocate(size);
    client.beginHandshake();
    server.beginHandshake();
    for (int step = 0; step < MOST_STEPS; step++) {
      boolean moved = step(client, toClient, toServer);
      moved |= step(server, toServer, toClient);
      if (!moved) {
        return;
      }
    }
    throw new SSLException("the handshake does not end");
  }

  private static boolean step(SSLEngine engine, ByteBuffer in, ByteBuffer out) throws SSLException {
    ByteBuffer nothing = ByteBuffer.allocate(0);
    ByteBuffer scrap = ByteBuffer.allocate(engine.getSession().getApplicationBufferSize());
    boolean moved = false;
    if (engine.getHandshakeStatus() == HandshakeStatus.NEED_WRAP) {
      moved = engine.wrap(nothing, out).bytesProduced() > 0;
    }
    in.flip();
    while (in.hasRemaining() && engine.getHandshakeStatus() != HandshakeStatus.NEED_WRAP) {
      int before = in.remaining();
      var _ = engine.unwrap(in, scrap);
      runTasks(engine);
      if (in.remaining() == before) {
        break;
      }
      moved = true;
    }
    in.compact();
    runTasks(engine);
    return moved;
  }

  private static void runTasks(SSLEngine engine) {
    for (Runnable task = engine.getDelegatedTask();
        task != null;
        task = engine.getDelegatedTask()) {
      task.run();
    }
  }

  /** For the probe alone: both ends are this process. */
  private static final class Anyone extends X509ExtendedTrustManager {
    int certificates;

    @Override
    public void checkClientTrusted(X509Certificate[] chain, String type) {}

    @Override
    public void checkServerTrusted(X509Certificate[] chain, String type) {}

    @Override
    public void checkClientTrusted(X509Certificate[] chain, String type, @Nullable Socket s) {}

    @Override
    public void checkServerTrusted(X509Certificate[] chain, String type, @Nullable Socket s) {}

    @Override
    public void checkClientTrusted(X509Certificate[] chain, String type, @Nullable SSLEngine e) {}

    @Override
    public void checkServerTrusted(X509Certificate[] chain, String type, @Nullable SSLEngine e) {
      certificates++;
    }

    @Override
    public X509Certificate[] getAcceptedIssuers() {
      return new X509Certificate[0];
    }
  }

  private static final class Shows extends X509ExtendedKeyManager {
    private final Svid svid;

    Shows(Svid svid) {
      this.svid = svid;
    }

    @Override
    public @Nullable String chooseEngineServerAlias(
        String type, Principal @Nullable [] issuers, @Nullable SSLEngine engine) {
      return type.equals(svid.leaf().getPublicKey().getAlgorithm()) ? "probe" : null;
    }

    @Override
    public @Nullable String chooseClientAlias(
        String[] types, Principal @Nullable [] issuers, @Nullable Socket socket) {
      return null;
    }

    @Override
    public @Nullable String chooseServerAlias(
        String type, Principal @Nullable [] issuers, @Nullable Socket socket) {
      return null;
    }

    @Override
    public X509Certificate[] getCertificateChain(String alias) {
      return svid.chain().toArray(new X509Certificate[0]);
    }

    @Override
    public PrivateKey getPrivateKey(String alias) {
      return svid.key();
    }

    @Override
    public String @Nullable [] getClientAliases(String type, Principal @Nullable [] issuers) {
      return null;
    }

    @Override
    public String @Nullable [] getServerAliases(String type, Principal @Nullable [] issuers) {
      return null;
    }
  }
}
