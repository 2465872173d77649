package io.exeat.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class SettingsTest {
  private static final Shape<Duration> TIMEOUT =
      Shape.duration(Duration.ofMillis(10), Duration.ofMinutes(5));

  private record Vault(
      URI address, Duration timeout, long buffer, Path caFile, List<String> names) {
    static Vault read(Section vault) {
      return new Vault(
          vault.one("address", Shape.uri("https")).required(),
          vault.one("timeout", TIMEOUT).or(Duration.ofSeconds(2)),
          vault.one("buffer", Shape.size(1024, 1 << 20)).or(65_536L),
          vault.one("ca-file", Shape.secretFile()).or(Path.of("/ca.pem")),
          vault.all("names", Shape.name()).or(List.of()));
    }
  }

  @Test
  void aFileIsReadWithItsUnitsAndDefaults() {
    assertThat(vault("vault:\n  address: https://vault:8200\n  timeout: 500ms\n", Map.of()))
        .isEqualTo(
            new Vault(
                URI.create("https://vault:8200"),
                Duration.ofMillis(500),
                65_536,
                Path.of("/ca.pem"),
                List.of()));
  }

  @Test
  void everyKeyHasAnEnvironmentVariableThatWins() {
    assertThat(
            vault(
                "vault: {address: https://vault:8200, timeout: wrong, names: [a]}",
                Map.of(
                    "EXEAT_VAULT_TIMEOUT", "1m",
                    "EXEAT_VAULT_CA_FILE", "./ca",
                    "EXEAT_VAULT_NAMES", "one,two",
                    "EXEAT_VAULT_BUFFER", "2KiB",
                    "HOME", "/home/me")))
        .isEqualTo(
            new Vault(
                URI.create("https://vault:8200"),
                Duration.ofMinutes(1),
                2048,
                Path.of("./ca"),
                List.of("one", "two")));
  }

  @Test
  void allProblemsAreReportedAtOnceWithLineAndRange() {
    assertThat(
            problems(
                """
                vault:
                  timeout: 30
                  adress: https://vault:8200
                  buffer: 3MiB
                  names: [good, No]
                """,
                Map.of("EXEAT_VAULT_CA_FILE", "", "EXEAT_VALUT_TIMEOUT", "3s")))
        .containsExactly(
            "line 2: vault.address: is missing; it must be a URI of scheme https without user,"
                + " password, query or fragment",
            "line 2: vault.timeout: \"30\" is not a duration with its unit (ms, s, m, h, d) from"
                + " 10ms to 5m, such as 30s",
            "line 3: vault.\"adress\": there is no such key here; there are address, timeout,"
                + " buffer, ca-file, names",
            "line 4: vault.buffer: \"3MiB\" is not a size with its unit (B, KiB, MiB, GiB) from"
                + " 1KiB to 1MiB, such as 64KiB",
            "line 5: vault.names: \"No\" is not a name of 1 to 63 characters of a-z, 0-9 and -",
            "EXEAT_VAULT_CA_FILE: the value is not the path of the file that the secret is in,"
                + " beginning with / or ./",
            "EXEAT_VALUT_TIMEOUT: no key in use has this environment variable");
  }

  @Test
  void whatCouldBeASecretIsNeverRepeated() {
    String message =
        messageOf(
            """
            vault:
              address: https://me:hunter2@vault
              ca-file: hunter2
              password: hunter2
            """,
            Map.of("EXEAT_VAULT_TOKEN", "hunter2"));
    assertThat(message).startsWith("exeat.yaml: 4 problems\n  line 2: ").doesNotContain("hunter");
  }

  @Test
  void aModeDecidesWhoseKeysAreLegal() {
    Settings settings = settings("mode: plain\nsocket: /x\n", Map.of());
    String read =
        settings
            .root()
            .mode(
                "mode",
                "plain",
                Map.of(
                    "plain", section -> section.one("path", Shape.text(9)).or("none"),
                    "spire", section -> section.one("socket", Shape.text(9)).required()));
    assertThat(read).isEqualTo("none");
    assertThat(catchThrowableOfType(ConfigException.class, settings::finish).problems())
        .containsExactly(
            "line 2: \"socket\": there is no such key of mode plain; there are mode, path");
  }

  @Test
  void anUnknownModeIsOneProblemAndNotMany() {
    Settings settings = settings("mode: other\nsocket: /x\n", Map.of());
    settings.root().mode("mode", "plain", Map.of("plain", _ -> 1, "spire", _ -> 2));
    assertThat(catchThrowableOfType(ConfigException.class, settings::finish).problems())
        .containsExactly("line 1: mode: \"other\" is not one of plain, spire");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "a: 1\na: 2",
        "a: &x 1\nb: *x",
        "a: !!str 1",
        "a: !java.lang.Runtime {}",
        "a: 1\n---\nb: 2",
        "- 1",
        "just words",
        "a: [1",
        "a: \u0001",
        "{[a]: 1}",
        "a: \t- 1\n\t b",
        "%YAML 3.0\n---\na: 1"
      })
  void whatIsNoPlainYamlMapIsRefusedWithItsLine(String yaml) {
    assertThatThrownBy(() -> settings(yaml, Map.of()))
        .isInstanceOf(ConfigException.class)
        .hasMessageContaining("exeat.yaml: 1 problem\n  line ");
  }

  @Test
  void whatIsTooDeepTooLargeOrNotUtf8IsRefused() {
    assertThatThrownBy(() -> settings("a: " + "[".repeat(100_000), Map.of()))
        .isInstanceOf(ConfigException.class)
        .hasMessageContaining("nested deeper than 16");
    assertThatThrownBy(() -> settings("a: " + "b".repeat(1 << 20), Map.of()))
        .isInstanceOf(ConfigException.class)
        .hasMessageContaining("allowed are 1MiB");
    assertThatThrownBy(
            () -> Settings.parse("exeat.yaml", new byte[] {'a', ':', (byte) 0xC3}, Map.of()))
        .isInstanceOf(ConfigException.class)
        .hasMessageContaining("is not UTF-8");
  }

  @Test
  void aMissingFileIsSaidSo() {
    assertThatThrownBy(() -> Settings.read(Path.of("no", "such.yaml"), Map.of()))
        .isInstanceOf(ConfigException.class)
        .hasMessageContaining("there is no such file");
  }

  @Test
  void hostileTextIsShownAsAsciiAndShort() {
    assertThat(
            problems("vault: {address: 'https://v', timeout: \"\\e[2J\\u202e\\r\\n\"}", Map.of()))
        .containsExactly(
            "line 1: vault.timeout: \"\\u001b[2J\\u202e\\u000d\\u000a\" is not a duration with its"
                + " unit (ms, s, m, h, d) from 10ms to 5m, such as 30s");
    assertThat(
            messageOf("vault: {address: 'https://v', timeout: " + "x".repeat(9999) + "}", Map.of()))
        .hasSizeLessThan(300);
  }

  @ParameterizedTest
  @ValueSource(strings = {"(a+)+", "(a|a)*", "((a*)b)*", "(a{1,9}){2,}", "(a)\\1", "(?<x>a)\\k<x>"})
  void aPatternThatCouldTakeForEverIsRefused(String pattern) {
    assertThat(Shape.pattern(50).parser().apply(pattern)).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(strings = {"[a-z]{1,20}", "(a|b)", "(abc)+", "[(*]+x*", "\\(a+\\)+", "[]+]*(a)*"})
  void anOrdinaryPatternIsTaken(String pattern) {
    assertThat(Shape.pattern(50).parser().apply(pattern)).isPresent();
  }

  private static Settings settings(String yaml, Map<String, String> environment) {
    return Settings.parse("exeat.yaml", yaml.getBytes(StandardCharsets.UTF_8), environment);
  }

  private static Vault vault(String yaml, Map<String, String> environment) {
    Settings settings = settings(yaml, environment);
    Vault vault = Vault.read(settings.root().section("vault"));
    settings.finish();
    return vault;
  }

  private static List<String> problems(String yaml, Map<String, String> environment) {
    return catchThrowableOfType(ConfigException.class, () -> vault(yaml, environment)).problems();
  }

  private static String messageOf(String yaml, Map<String, String> environment) {
    return String.valueOf(
        catchThrowableOfType(ConfigException.class, () -> vault(yaml, environment)).getMessage());
  }
}
