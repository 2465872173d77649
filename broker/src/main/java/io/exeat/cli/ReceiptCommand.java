package io.exeat.cli;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.util.RawValue;
import io.exeat.base.FaultException;
import io.exeat.identity.SpiffeIds;
import io.exeat.identity.Svids;
import io.exeat.revoke.Receipt;
import io.exeat.revoke.ReceiptVerifier;
import io.exeat.revoke.SaltedHash;
import io.exeat.v1.ReceiptsRequest;
import io.exeat.v1.ReceiptsResponse;
import io.spiffe.spiffeid.SpiffeId;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.cert.CertificateException;
import java.security.cert.X509Certificate;
import java.time.Instant;
import java.time.format.DateTimeParseException;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.TypeConversionException;

/** {@code exeat receipt}: the broker's signed word that something is dead. */
@Command(
    name = "receipt",
    description = "Get the signed receipts of what has ended, and check them offline.",
    synopsisSubcommandLabel = "COMMAND")
public final class ReceiptCommand {
  private static final String STDIN = "-";

  private final Cli cli;

  public ReceiptCommand(Cli cli) {
    this.cli = cli;
  }

  @Command(
      description = {
        "Prints the receipts of a task, oldest first, one line each as it was signed. For"
            + " operators.",
        "",
        "One for each credential that the task held, and one for each of its epochs as a whole."
      },
      footer = {
        "",
        "Examples:",
        "  exeat receipt show --task t0123456789abcdefghij > receipts.jws",
        "  exeat receipt show --task t0123456789abcdefghij --credential c0123456789abcdefghij"
      })
  int show(
      @Mixin Where where,
      @Option(names = "--task", required = true, paramLabel = "ID", description = "Which task's.")
          String task,
      @Option(names = "--credential", paramLabel = "ID", description = "Only this one's.")
          @Nullable String credential) {
    return Session.asOperator(
        cli,
        where,
        session -> {
          ReceiptsResponse answer =
              session
                  .admin()
                  .receipts(ReceiptsRequest.newBuilder().setTaskId(task).setLimit(1000).build());
          List<io.exeat.v1.Receipt> wanted =
              answer.getReceiptsList().stream()
                  .filter(one -> credential == null || credential.equals(one.getCredentialId()))
                  .toList();
          for (io.exeat.v1.Receipt one : wanted) {
            if (session.json()) {
              session.printJson(one);
            } else {
              session.out().println(one.getJws());
            }
          }
          if (wanted.isEmpty()) {
            cli.err().println("exeat: no receipt yet: nothing of it is proven dead and signed for");
            return Exit.PENDING;
          }
          return Exit.OK;
        });
  }

  @Command(
      description = {
        "Checks receipts without asking anybody: that an expected broker signed them with its",
        "X.509-SVID, that the SVID verified by the trust bundle at that time, and that nothing was",
        "altered since. Prints what they say. Ends with 10 if one of them is not genuine.",
        "",
        "The bundle is the trust domain's at the time of signing, such as what `spire-server"
            + " bundle",
        "show` printed then: keep it with the receipts."
      },
      footer = {
        "",
        "Example:",
        "  exeat receipt verify receipts.jws --bundle bundle.pem \\",
        "      --broker spiffe://example.org/host/h1/broker"
      })
  int verify(
      @Parameters(paramLabel = "FILE", description = "One receipt a line; - for standard input.")
          String file,
      @Option(
              names = "--bundle",
              required = true,
              paramLabel = "FILE",
              description = "The X.509 authorities of the broker's trust domain, in PEM.")
          Path bundle,
      @Option(
              names = "--broker",
              required = true,
              paramLabel = "SPIFFE-ID",
              description = "Whose receipts are believed, exactly; repeatable.")
          List<String> brokers,
      @Option(
              names = "--at",
              paramLabel = "TIME",
              converter = Moment.class,
              description =
                  "Take this for the present, such as 2026-11-22T10:00:00Z: what was signed later"
                      + " is refused.")
          @Nullable Instant at,
      @Option(
              names = "--handle",
              paramLabel = "ID",
              description =
                  "Vault's lease ID or accessor that all of them must be of; they hold salted"
                      + " hashes of it alone.")
          @Nullable String handle,
      @Option(names = "--json", description = "Print one JSON object a receipt.") boolean json) {
    try {
      Set<SpiffeId> believed = new HashSet<>();
      for (String broker : brokers) {
        believed.add(SpiffeIds.parseWorkload("--broker", broker));
      }
      ReceiptVerifier verifier = new ReceiptVerifier(authorities(bundle), believed);
      List<String> lines = lines(file);
      int genuine = 0;
      for (String line : lines) {
        ReceiptVerifier.Result result = verifier.verify(line, at == null ? Instant.now() : at);
        genuine += (json ? printJson(result, handle) : print(result, handle)) ? 1 : 0;
      }
      if (!json) {
        cli.out().println(genuine + " of " + lines.size() + " receipts are genuine");
      }
      return genuine == lines.size() && genuine > 0 ? Exit.OK : Exit.CHECK_FAILED;
    } catch (IOException | CertificateException e) {
      cli.err().println("exeat: cannot read " + e.getMessage());
      return Exit.USAGE;
    } catch (FaultException e) {
      cli.err().println("exeat: " + e.getMessage());
      return Exit.USAGE;
    } finally {
      cli.out().flush();
      cli.err().flush();
    }
  }

  private boolean printJson(ReceiptVerifier.Result result, @Nullable String handle) {
    ObjectNode node = JsonNodeFactory.instance.objectNode();
    boolean believed =
        switch (result) {
          case ReceiptVerifier.Refused refused -> {
            node.put("genuine", false).put("why", refused.why());
            yield false;
          }
          case ReceiptVerifier.Genuine genuine -> {
            boolean fits = handle == null || isOf(genuine.receipt(), handle);
            node.put("genuine", true).put("ofTheHandle", fits);
            node.putRawValue("receipt", new RawValue(genuine.json()));
            yield fits;
          }
        };
    cli.out().println(node);
    return believed;
  }

  private boolean print(ReceiptVerifier.Result result, @Nullable String handle) {
    return switch (result) {
      case ReceiptVerifier.Refused refused -> {
        cli.out().println("NOT GENUINE  " + refused.why());
        yield false;
      }
      case ReceiptVerifier.Genuine genuine -> {
        boolean fits = handle == null || isOf(genuine.receipt(), handle);
        cli.out().println((fits ? "genuine      " : "OF ANOTHER   ") + subject(genuine.receipt()));
        cli.out().println("  signed by    " + genuine.broker() + " at " + genuine.signedAt());
        Receipt receipt = genuine.receipt();
        cli.out().println("  asked        " + receipt.askedAt() + " (" + receipt.cause() + ")");
        outcome(receipt.outcome());
        yield fits;
      }
    };
  }

  private void outcome(Receipt.Outcome outcome) {
    switch (outcome) {
      case Receipt.Dead dead -> {
        cli.out().println("  Vault said   " + dead.confirmedAt());
        cli.out().println("  seen dead    " + dead.deadAt());
        dead.checks().forEach(check -> cli.out().println("    " + check));
      }
      case Receipt.CannotBeRecalled it ->
          cli.out()
              .println("  EXPIRED      " + it.endsAt() + ", it could not be recalled: " + it.why());
    }
  }

  private static String subject(Receipt receipt) {
    String of = " of " + receipt.epoch() + ", agent " + receipt.agent();
    return switch (receipt.what()) {
      case Receipt.Credential it ->
          it.kind() + " " + it.principal() + " at " + it.target() + ", " + it.id() + of;
      case Receipt.WholeEpoch it ->
          "everything" + of + (it.targets().isEmpty() ? "" : ", at " + it.targets());
    };
  }

  private static boolean isOf(Receipt receipt, String handle) {
    Optional<SaltedHash> hash =
        switch (receipt.what()) {
          case Receipt.Credential it -> Optional.of(it.lease());
          case Receipt.WholeEpoch it -> it.token();
        };
    return hash.filter(it -> it.matches(handle)).isPresent();
  }

  private static List<String> lines(String file) throws IOException {
    byte[] bytes =
        file.equals(STDIN) ? System.in.readAllBytes() : Files.readAllBytes(Path.of(file));
    return new String(bytes, StandardCharsets.UTF_8).lines().filter(it -> !it.isBlank()).toList();
  }

  private static List<X509Certificate> authorities(Path pem)
      throws IOException, CertificateException {
    List<X509Certificate> authorities = Svids.certificates(Files.readAllBytes(pem));
    if (authorities.isEmpty()) {
      throw new CertificateException(pem + ": no certificate in it");
    }
    return authorities;
  }

  /** RFC 3339. */
  static final class Moment implements ITypeConverter<Instant> {
    @Override
    public Instant convert(String text) {
      try {
        return Instant.parse(text);
      } catch (DateTimeParseException e) {
        throw new TypeConversionException("'" + text + "' is no time such as 2026-11-22T10:00:00Z");
      }
    }
  }
}
