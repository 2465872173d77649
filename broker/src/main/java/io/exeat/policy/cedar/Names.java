package io.exeat.policy.cedar;

import com.cedarpolicy.value.EntityTypeName;

/** The types of {@code exeat.cedarschema}. */
final class Names {
  static final String INTENT = "Exeat::Intent";

  private static final EntityTypeName AGENTS = type("Exeat::Agent");
  private static final EntityTypeName GRANTS = type("Exeat::Grant");
  private static final EntityTypeName INTENTS = type(INTENT);
  private static final EntityTypeName ACTIONS = type("Exeat::Action");
  private static final EntityTypeName TEXTS = type("Exeat::Texts");
  private static final EntityTypeName NUMBERS = type("Exeat::Numbers");

  private Names() {}

  static EntityTypeName agents() {
    return AGENTS;
  }

  static EntityTypeName grants() {
    return GRANTS;
  }

  static EntityTypeName intents() {
    return INTENTS;
  }

  static EntityTypeName actions() {
    return ACTIONS;
  }

  static EntityTypeName texts() {
    return TEXTS;
  }

  static EntityTypeName numbers() {
    return NUMBERS;
  }

  private static EntityTypeName type(String name) {
    return EntityTypeName.parse(name).orElseThrow();
  }
}
