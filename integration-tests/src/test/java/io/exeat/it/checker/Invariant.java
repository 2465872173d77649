package io.exeat.it.checker;

/** What must hold at every look. */
public enum Invariant {
  I1_ROLES("a role that may log in belongs to a credential on record whose task is active"),
  I2_LEASES("a lease in Vault belongs to a credential on record whose task is active"),
  I3_TOKENS("a token in Vault is in the journal, and its task is active"),
  I4_SESSIONS("a session's role is there, and its task is active"),
  I5_CONSERVATION("issued = live + revoked + expired + orphans, by their ids"),
  I6_RECORDED("what Vault lends and what agents get is on record exactly once, before they get it"),
  I7_FINITE("what is lent ends by itself soon, whatever becomes of the broker"),
  I8_GIVEN_UP("Vault has given up on no lease"),
  I10_CHAIN("the audit chain is sound, and goes on from what was seen of it before"),
  I11_SECRETS("no secret is anywhere but in memory"),
  I12_CEILING("what is lent is within the agent's ceiling and the task's scope"),
  I13_LISTED("a certificate whose task is over is on its issuer's revocation list");

  private final String text;

  Invariant(String text) {
    this.text = text;
  }

  @Override
  public String toString() {
    return name().substring(0, name().indexOf('_')) + " (" + text + ")";
  }
}
