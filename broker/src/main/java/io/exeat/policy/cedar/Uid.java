package io.exeat.policy.cedar;

/**
 * What Cedar calls an entity by.
 *
 * @param type such as {@code Exeat::Agent}
 */
record Uid(String type, String id) {}
