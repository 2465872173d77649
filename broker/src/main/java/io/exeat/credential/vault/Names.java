package io.exeat.credential.vault;

import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import java.util.regex.Pattern;

/**
 * Names that become part of a path in Vault: {@code [a-z0-9-]}, 1 to 63 characters. Nothing is ever
 * escaped or normalised: {@code ..}, {@code /}, {@code *} and {@code +} mean something there.
 */
final class Names {
  private static final Pattern NAME = Pattern.compile("[a-z0-9-]{1,63}");

  private Names() {}

  /**
   * The name, unchanged.
   *
   * @throws FaultException Malformed for {@code field}
   */
  static String check(String field, String name) {
    if (!NAME.matcher(name).matches()) {
      throw new FaultException(new Fault.Malformed(field, "not 1 to 63 characters of [a-z0-9-]"));
    }
    return name;
  }
}
