package io.exeat.cli;

import io.exeat.config.Units;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Option;
import picocli.CommandLine.TypeConversionException;

/** Which broker, how long to wait for it, and how to print; the same options on each command. */
final class Where {
  @Option(
      names = "--socket",
      paramLabel = "PATH",
      description = "The broker's Unix socket. Else EXEAT_SOCKET, else the configuration's.")
  private Optional<Path> socket = Optional.empty();

  @Option(
      names = "--to",
      paramLabel = "HOST:PORT",
      description =
          "A broker's TCP address instead: mTLS with this process's own SVID. Of the configuration it"
              + " needs spiffe.id and spiffe.workload-api alone (EXEAT_SPIFFE_ID,"
              + " EXEAT_SPIFFE_WORKLOAD_API).")
  private Optional<String> to = Optional.empty();

  @Option(
      names = "--broker-id",
      paramLabel = "SPIFFE-ID",
      description =
          "With --to: the broker's exact SPIFFE ID; nobody else is believed. Else EXEAT_BROKER_ID,"
              + " else the configuration's relay.broker.")
  private Optional<String> brokerId = Optional.empty();

  @Option(
      names = "--timeout",
      paramLabel = "TIME",
      defaultValue = "15s",
      converter = Time.class,
      description = "How long to wait for the answer, such as 5s (${DEFAULT-VALUE}).")
  private Duration timeout = Duration.ofSeconds(15);

  @Option(names = "--json", description = "Print JSON: the messages of exeat/v1.")
  private boolean json;

  Optional<Path> socket() {
    return socket;
  }

  Optional<String> to() {
    return to;
  }

  Optional<String> brokerId() {
    return brokerId;
  }

  Duration timeout() {
    return timeout;
  }

  boolean json() {
    return json;
  }

  /** Durations as in the configuration. */
  static final class Time implements ITypeConverter<Duration> {
    @Override
    public Duration convert(String text) {
      return Units.duration(text)
          .filter(duration -> !duration.isZero())
          .orElseThrow(() ->
              new TypeConversionException("'" + text + "' is no duration with unit, such as 30s"));
    }
  }
}
