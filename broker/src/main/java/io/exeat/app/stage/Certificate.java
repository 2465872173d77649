package io.exeat.app.stage;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.time.Duration;
import java.util.Base64;
import java.util.List;

/**
 * A server certificate for the loopback interface, its own issuer.
 *
 * @param certificate PEM
 * @param key PEM, PKCS#8, mode 0600
 */
public record Certificate(Path certificate, Path key) {
  private static final String PASSWORD = "changeit"; // of a file that is deleted at once

  /** Makes one in {@code folder} with the JDK's keytool. */
  public static Certificate make(Path folder) {
    Path store = folder.resolve("tls.p12");
    var _ =
        Running.run(
            folder,
            Duration.ofSeconds(30),
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "keytool").toString(),
                "-J-XX:TieredStopAtLevel=1",
                "-genkeypair",
                "-alias",
                "tls",
                "-keyalg",
                "EC",
                "-groupname",
                "secp256r1",
                "-dname",
                "CN=Exeat stage",
                "-ext",
                "san=ip:127.0.0.1,dns:localhost",
                "-ext",
                "bc:c=ca:true",
                "-validity",
                "2",
                "-storetype",
                "PKCS12",
                "-storepass",
                PASSWORD,
                "-keystore",
                store.toString()));
    try (InputStream in = Files.newInputStream(store)) {
      KeyStore keys = KeyStore.getInstance("PKCS12");
      keys.load(in, PASSWORD.toCharArray());
      Certificate made = new Certificate(folder.resolve("tls.crt"), folder.resolve("tls.key"));
      Folders.write(
          made.certificate,
          "rw-r--r--",
          pem("CERTIFICATE", keys.getCertificate("tls").getEncoded()));
      Folders.write(
          made.key,
          "rw-------",
          pem("PRIVATE KEY", keys.getKey("tls", PASSWORD.toCharArray()).getEncoded()));
      Files.delete(store);
      return made;
    } catch (IOException | GeneralSecurityException e) {
      throw new StageException("a TLS certificate could not be made", e);
    }
  }

  static String pem(String label, byte[] der) {
    return "-----BEGIN "
        + label
        + "-----\n"
        + Base64.getMimeEncoder(64, new byte[] {'\n'}).encodeToString(der)
        + "\n-----END "
        + label
        + "-----\n";
  }
}
