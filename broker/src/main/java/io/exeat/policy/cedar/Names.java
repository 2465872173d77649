package io.exeat.policy.cedar;

/** The types of {@code exeat.cedarschema}. */
final class Names {
  static final String AGENT = "Exeat::Agent";
  static final String GRANT = "Exeat::Grant";
  static final String INTENT = "Exeat::Intent";
  static final String ACTION = "Exeat::Action";
  static final String TEXTS = "Exeat::Texts";
  static final String NUMBERS = "Exeat::Numbers";

  private Names() {}
}
