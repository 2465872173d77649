package io.exeat.identity.workload;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.awaitility.Awaitility.await;

import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import io.exeat.identity.IdentityConfig;
import io.exeat.identity.SpiffeTransport;
import io.exeat.identity.TestTime;
import io.exeat.identity.development.DevelopmentAuthority;
import io.exeat.identity.development.DevelopmentConfig;
import io.exeat.identity.development.Entry;
import io.spiffe.spiffeid.SpiffeId;
import io.spiffe.spiffeid.TrustDomain;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Others' tokens, by the keys that the development authority hands out. */
final class JwtBundlesTest {
  private static final SpiffeId AGENT = SpiffeId.parse("spiffe://example.org/agent/clerk");

  @TempDir private Path folder;

  @Test
  void aTokenNamesWhomItsAuthorityGaveItTo() {
    try (SpiffeTransport transport = new SpiffeTransport();
        DevelopmentAuthority issuer = authority(transport, "one");
        DevelopmentAuthority stranger = authority(transport, "two");
        JwtBundles bundles = new JwtBundles(config(issuer), transport, TestTime.real());
        WorkloadIdentity agent =
            new WorkloadIdentity(config(issuer), transport, TestTime.real()).await();
        WorkloadIdentity other =
            new WorkloadIdentity(config(stranger), transport, TestTime.real()).await()) {
      String token = agent.jwt("exeat", Duration.ofSeconds(10));
      await().ignoreExceptions().until(() -> bundles.verify(token, "exeat").equals(AGENT));

      assertThat(refusal(bundles, token, "vault")).isInstanceOf(Fault.Unattested.class);
      String[] parts = token.split("\\.", -1);
      for (String bad :
          List.of(
              other.jwt("exeat", Duration.ofSeconds(10)),
              parts[0] + "." + parts[1] + ".",
              parts[0] + "." + parts[1] + "." + "A".repeat(parts[2].length()),
              // alg none
              "eyJhbGciOiJub25lIn0." + parts[1] + ".",
              token + token,
              "",
              "a.b.c")) {
        assertThat(refusal(bundles, bad, "exeat")).as(bad).isInstanceOf(Fault.Unattested.class);
      }
    }
  }

  @Test
  void withoutKeysNobodyIsNamedAndThatIsSaid() {
    try (SpiffeTransport transport = new SpiffeTransport();
        JwtBundles bundles =
            new JwtBundles(
                new IdentityConfig(folder.resolve("nobody.sock"), AGENT, "", Duration.ofSeconds(5)),
                transport,
                TestTime.real())) {
      assertThat(refusal(bundles, "a.b.c", "exeat")).isInstanceOf(Fault.Unavailable.class);
    }
  }

  private DevelopmentAuthority authority(SpiffeTransport transport, String name) {
    DevelopmentAuthority authority =
        new DevelopmentAuthority(
                new DevelopmentConfig(
                    folder.resolve(name), TrustDomain.parse("example.org"), Set.of(), List.of()),
                transport,
                TestTime.real())
            .start();
    authority.add(Entry.ofPid(AGENT, Math.toIntExact(ProcessHandle.current().pid())));
    return authority;
  }

  private static IdentityConfig config(DevelopmentAuthority authority) {
    return new IdentityConfig(authority.workloadSocket(), AGENT, "", Duration.ofSeconds(20));
  }

  private static Fault refusal(JwtBundles bundles, String token, String audience) {
    return catchThrowableOfType(FaultException.class, () -> bundles.verify(token, audience))
        .fault();
  }
}
