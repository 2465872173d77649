package io.exeat.app;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.exeat.base.CannotStart;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import javax.net.ssl.SSLException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class VaultTrustTest {
  @TempDir private static Path folder;

  @Test
  void whatCannotBeReadIsNamedAndSoIsWhoeverSaysSo() throws Exception {
    Path absent = folder.resolve("absent.pem");
    Path empty = Files.writeString(folder.resolve("empty.pem"), "");

    for (Path file : new Path[] {absent, empty}) {
      assertThatThrownBy(() -> VaultTrust.of(Optional.of(file), "some.key"))
          .isInstanceOf(CannotStart.class)
          .hasMessageContaining(file + " cannot be read")
          .hasMessageContaining("some.key must name a readable PEM file")
          .hasMessageNotContaining("vault.ca");
      assertThatThrownBy(() -> VaultTrust.read(Optional.of(file)))
          .isInstanceOf(SSLException.class)
          .hasMessage("the authorities in " + file + " cannot be read");
    }
  }

  @Test
  void withoutAFileTheSystemsAuthoritiesCount() throws Exception {
    assertThat(VaultTrust.read(Optional.empty()).getAcceptedIssuers()).isNotEmpty();
  }
}
