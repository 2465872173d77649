package io.exeat.kube;

import io.exeat.base.FaultException;
import io.exeat.base.Time;
import io.exeat.identity.IdentitySource;
import io.exeat.identity.Svid;
import io.exeat.identity.Svids;
import io.netty.handler.ssl.ApplicationProtocolConfig;
import io.netty.handler.ssl.ApplicationProtocolNames;
import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslContextBuilder;
import io.netty.handler.ssl.SslProvider;
import io.netty.handler.ssl.SupportedCipherSuiteFilter;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.PrivateKey;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.net.ssl.SSLException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The webhook's certificate as it is now. A new one serves the connections that are made after it
 * was seen; those that stand go on. One that cannot be used is logged, and the last one stays.
 */
public final class ServingCertificate {
  private static final Logger LOG = LoggerFactory.getLogger(ServingCertificate.class);
  private static final String TLS = "TLSv1.3";
  private static final int MOST_BYTES = 64 << 10;

  /**
   * Of TLS 1.3, the best first. Java's first compiler makes slow code of AES-GCM, and is the only
   * one here: 220 us for a pod's request and answer, 55 us for the same in ChaCha20.
   */
  private static final List<String> CIPHERS =
      List.of("TLS_CHACHA20_POLY1305_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_AES_128_GCM_SHA256");

  private static final ApplicationProtocolConfig ALPN =
      new ApplicationProtocolConfig(
          ApplicationProtocolConfig.Protocol.ALPN,
          ApplicationProtocolConfig.SelectorFailureBehavior.NO_ADVERTISE,
          ApplicationProtocolConfig.SelectedListenerFailureBehavior.ACCEPT,
          ApplicationProtocolNames.HTTP_2,
          ApplicationProtocolNames.HTTP_1_1);

  private final Source source;
  private final Time time;
  private volatile @Nullable Current current;
  private String complaint = "";

  private ServingCertificate(Source source, Time time) {
    this.source = source;
    this.time = time;
  }

  /** From two PEM files. {@link #look} sees when they are others. */
  public static ServingCertificate of(InjectConfig.Files files, Time time) {
    return new ServingCertificate(new PemFiles(files), time);
  }

  /** The injector's own X.509-SVID. */
  public static ServingCertificate of(IdentitySource identity, Time time) {
    return new ServingCertificate(new OwnSvid(identity), time);
  }

  /** Looks whether there is a new one; to be called every second or so. */
  public synchronized void look() {
    try {
      Optional<Current> next = source.next();
      if (next.isPresent()) {
        current = next.get();
        LOG.info("Serving with a certificate that ends at {}", next.get().ends());
      }
      complaint = "";
    } catch (IOException | GeneralSecurityException | IllegalArgumentException e) {
      // IllegalArgumentException is Netty's and Base64's.
      String now = "the certificate cannot be used: " + e.getMessage();
      if (!now.equals(complaint)) {
        LOG.warn("{}; {}", now, current == null ? "nothing is served" : "the last one stays");
        complaint = now;
      }
    }
  }

  /** For a new connection; empty when there is none, or none that is valid still. */
  Optional<SslContext> tls() {
    Current now = current;
    return now == null || !time.now().isBefore(now.ends())
        ? Optional.empty()
        : Optional.of(now.tls());
  }

  private record Current(SslContext tls, Instant ends) {}

  /** Where it comes from; remembers what it gave last. */
  private interface Source {
    /** Empty when it is the same as before. */
    Optional<Current> next() throws IOException, GeneralSecurityException;
  }

  private static SslContextBuilder strict(SslContextBuilder builder) {
    return builder
        .sslProvider(SslProvider.JDK)
        .protocols(TLS)
        .ciphers(CIPHERS, SupportedCipherSuiteFilter.INSTANCE)
        .applicationProtocolConfig(ALPN);
  }

  private static final class PemFiles implements Source {
    private static final Pattern KEY =
        Pattern.compile("-----BEGIN PRIVATE KEY-----([A-Za-z0-9+/=\\s]+)-----END PRIVATE KEY-----");

    private final InjectConfig.Files files;
    private byte[] chain = {};
    private byte[] key = {};

    PemFiles(InjectConfig.Files files) {
      this.files = files;
    }

    @Override
    public Optional<Current> next() throws IOException, GeneralSecurityException {
      byte[] newChain = bytes(files.chain());
      byte[] newKey = bytes(files.key());
      if (Arrays.equals(newChain, chain) && Arrays.equals(newKey, key)) {
        return Optional.empty();
      }
      List<X509Certificate> certificates = new ArrayList<>();
      for (Certificate each :
          CertificateFactory.getInstance("X.509")
              .generateCertificates(new ByteArrayInputStream(newChain))) {
        certificates.add((X509Certificate) each);
      }
      if (certificates.isEmpty()) {
        throw new IOException(files.chain() + " has no certificate in it");
      }
      X509Certificate leaf = certificates.getFirst();
      byte[] der = der(newKey);
      PrivateKey privateKey = Svids.key(leaf.getPublicKey(), der);
      Arrays.fill(der, (byte) 0);
      SslContext tls = strict(SslContextBuilder.forServer(privateKey, certificates)).build();
      chain = newChain;
      key = newKey;
      return Optional.of(new Current(tls, leaf.getNotAfter().toInstant()));
    }

    /** RFC 7468, section 10. */
    private byte[] der(byte[] pem) throws IOException {
      Matcher found = KEY.matcher(new String(pem, StandardCharsets.US_ASCII));
      if (!found.find()) {
        throw new IOException(
            files.key() + " has no PRIVATE KEY in it; it must be PKCS #8, not encrypted");
      }
      return Base64.getMimeDecoder().decode(found.group(1));
    }

    private static byte[] bytes(Path file) throws IOException {
      try (InputStream in = Files.newInputStream(file)) {
        byte[] bytes = in.readNBytes(MOST_BYTES + 1);
        if (bytes.length > MOST_BYTES) {
          throw new IOException(file + " is larger than " + MOST_BYTES + " bytes");
        }
        return bytes;
      }
    }
  }

  private static final class OwnSvid implements Source {
    private final IdentitySource identity;
    private @Nullable Svid last;

    OwnSvid(IdentitySource identity) {
      this.identity = identity;
    }

    @Override
    public Optional<Current> next() throws IOException {
      try {
        Svid svid = identity.svid();
        if (svid.equals(last)) {
          return Optional.empty();
        }
        SslContext tls = strict(SslContextBuilder.forServer(svid.key(), svid.chain())).build();
        last = svid;
        return Optional.of(new Current(tls, svid.notAfter()));
      } catch (FaultException | SSLException e) {
        throw new IOException("no X.509-SVID: " + e.getMessage(), e);
      }
    }
  }
}
