package io.exeat.identity;

import io.exeat.base.FaultException;
import java.net.Socket;
import java.security.Principal;
import java.security.PrivateKey;
import java.security.cert.X509Certificate;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.function.Supplier;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.X509ExtendedKeyManager;
import org.jspecify.annotations.Nullable;

/**
 * Shows the broker's SVID. The alias that a handshake chooses stands for one SVID, so that
 * certificate and key are of the same rotation even when the next one arrives between the two
 * questions.
 */
final class SvidKeyManager extends X509ExtendedKeyManager {
  /** Far more rotations than a handshake can last through. */
  private static final int KEPT = 8;

  private final Supplier<Svid> source;
  private final Deque<Svid> recent = new ArrayDeque<>();

  SvidKeyManager(Supplier<Svid> source) {
    this.source = source;
  }

  private synchronized @Nullable String choose(String... keyTypes) {
    Svid svid;
    try {
      svid = source.get();
    } catch (FaultException e) {
      return null;
    }
    if (!Arrays.asList(keyTypes).contains(svid.leaf().getPublicKey().getAlgorithm())) {
      return null;
    }
    if (recent.isEmpty() || !recent.getFirst().equals(svid)) {
      recent.addFirst(svid);
      while (recent.size() > KEPT) {
        recent.removeLast();
      }
    }
    return aliasOf(svid);
  }

  private synchronized @Nullable Svid pinned(String alias) {
    for (Svid svid : recent) {
      if (aliasOf(svid).equals(alias)) {
        return svid;
      }
    }
    return null;
  }

  private static String aliasOf(Svid svid) {
    return svid.leaf().getSerialNumber().toString(16);
  }

  @Override
  public @Nullable String chooseEngineClientAlias(
      String[] keyTypes, Principal @Nullable [] issuers, @Nullable SSLEngine engine) {
    return choose(keyTypes);
  }

  @Override
  public @Nullable String chooseClientAlias(
      String[] keyTypes, Principal @Nullable [] issuers, @Nullable Socket socket) {
    return choose(keyTypes);
  }

  @Override
  public @Nullable String chooseEngineServerAlias(
      String keyType, Principal @Nullable [] issuers, @Nullable SSLEngine engine) {
    return choose(keyType);
  }

  @Override
  public @Nullable String chooseServerAlias(
      String keyType, Principal @Nullable [] issuers, @Nullable Socket socket) {
    return choose(keyType);
  }

  @Override
  public X509Certificate @Nullable [] getCertificateChain(String alias) {
    Svid svid = pinned(alias);
    return svid == null ? null : svid.chain().toArray(new X509Certificate[0]);
  }

  @Override
  public @Nullable PrivateKey getPrivateKey(String alias) {
    Svid svid = pinned(alias);
    return svid == null ? null : svid.key();
  }

  @Override
  public String @Nullable [] getClientAliases(String keyType, Principal @Nullable [] issuers) {
    String alias = choose(keyType);
    return alias == null ? null : new String[] {alias};
  }

  @Override
  public String @Nullable [] getServerAliases(String keyType, Principal @Nullable [] issuers) {
    String alias = choose(keyType);
    return alias == null ? null : new String[] {alias};
  }
}
