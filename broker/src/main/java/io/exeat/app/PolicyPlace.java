package io.exeat.app;

import io.exeat.config.Section;
import io.exeat.config.Settings;
import io.exeat.policy.PolicyConfig;
import io.exeat.policy.PolicyFiles;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;

/**
 * The policies that a command is about: those of the folder that is named, else those in force with
 * the configuration at hand, else those that ship.
 *
 * @param environment the process's
 */
record PolicyPlace(Map<String, String> environment) {
  /**
   * @param option that names the folder, for people
   * @throws IOException when a file of the folder cannot be read
   * @throws IllegalArgumentException when what decides with this configuration is no Cedar of this
   *     host's: what ships would be no answer then
   * @throws io.exeat.config.ConfigException when the configuration is wrong
   */
  PolicyFiles files(Optional<Path> named, String option) throws IOException {
    Optional<Path> folder = named.isPresent() ? named : configured(option);
    return folder.isPresent() ? PolicyFiles.read(folder.get()) : PolicyFiles.shipped();
  }

  private Optional<Path> configured(String option) {
    Optional<Path> file = ConfigFile.place(Optional.empty(), environment);
    if (file.isEmpty()) {
      return ofVariables(option);
    }
    String source = file.get().toString();
    return switch (ConfigFile.read(file, environment).form()) {
      case BrokerConfig.AllInOne here -> folder(here.policy(), source, option);
      case BrokerConfig.Relayed it -> throw relays(source, " to " + it.relay().host(), option);
    };
  }

  /** Without a file nothing but what decides is looked at: this need not be a broker's host. */
  private Optional<Path> ofVariables(String option) {
    Settings settings = ConfigFile.settings(Optional.empty(), environment);
    if (settings.root().optionalSection("relay").isPresent()) {
      throw relays("EXEAT_RELAY_TO", "", option);
    }
    Section section = settings.root().section("policy");
    PolicyConfig policy = ConfigFile.policy(section);
    settings.finish(section);
    return folder(policy, "EXEAT_POLICY_MODE", option);
  }

  private static Optional<Path> folder(PolicyConfig policy, String source, String option) {
    return switch (policy) {
      case PolicyConfig.Cedar cedar -> cedar.folder();
      case PolicyConfig.Opa opa ->
          throw new IllegalArgumentException(
              "by %s (policy.mode: opa) the OPA server at %s decides, and this command knows Cedar"
                      .formatted(source, opa.address())
                  + " alone\n  ask that server: POST the question as {\"input\": …} to"
                  + " /v1/data/%s there; or name a folder of Cedar policies with %s"
                      .formatted(opa.decision(), option));
    };
  }

  private static IllegalArgumentException relays(String source, String to, String option) {
    return new IllegalArgumentException(
        ("by %s everything is relayed%s, and the broker there decides, by policies of its own\n"
                + "  run this on that broker's host, or name a folder of Cedar policies with %s")
            .formatted(source, to, option));
  }
}
