package io.exeat.it.checker;

import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * Where everything went that Vault ever lent: the sum of the parts, by ids, is what was lent.
 *
 * @param live its leave lasts, and it is there
 * @param revoked said to be dead on record, and seen gone
 * @param expired never said to be dead by a broker that is gone, and seen gone
 * @param orphans lent by Vault, and no agent had it: seen gone, and either never on record, or on
 *     record and never in the journal, by a run of the broker that was killed between the two. The
 *     next run knows nothing of the latter but its epoch, and has to record the death of that; what
 *     an agent had, or a look at the journal found, must be said to be dead by its own id
 * @param open not accounted for
 */
public record Account(
    int issued, int live, int revoked, int expired, int orphans, List<String> open) {

  private static final String NO_ANSWER = "no answer of ";
  private static final String LEFT = " (never on record, and there)";

  /**
   * Something could not be looked at.
   *
   * @param why what, and what it said; empty where it answered
   */
  static Account unknown(String... why) {
    List<String> said = Arrays.stream(why).filter(it -> !it.isEmpty()).toList();
    // Another look may have been answered since: this one was not.
    List<String> open = said.isEmpty() ? List.of("somebody, a moment ago") : said;
    return new Account(0, 0, 0, 0, 0, open.stream().map(NO_ANSWER::concat).toList());
  }

  /** Whether nothing is open but what only Vault can end. */
  boolean isLeftToVault() {
    return open.stream().allMatch(it -> it.endsWith(LEFT));
  }

  boolean isKnown() {
    return open.isEmpty() || !open.getFirst().startsWith(NO_ANSWER);
  }

  static Account of(
      Book book,
      List<VaultLog.Lent> lent,
      DatabaseEye.Sight roles,
      VaultEye.Sight vault,
      ListEye.Sight list,
      boolean brokerGone) {
    int live = 0;
    int revoked = 0;
    int expired = 0;
    int orphans = 0;
    List<String> open = new ArrayList<>();
    Set<String> leased = new HashSet<>();
    vault.leases().forEach(lease -> leased.add(ChainEye.sha256(lease)));
    Set<String> logged = new HashSet<>();
    lent.forEach(it -> logged.add(ChainEye.sha256(it.lease())));
    for (Book.Credential one : book.issued()) {
      boolean dead = one.certificate ? list.has(one.principal) : !roles.alive(one.principal);
      boolean gone = dead && !leased.contains(one.lease);
      boolean over = !book.over(one).isAfter(Instant.now());
      if (!logged.contains(one.lease)) {
        open.add(one.principal + " (on record, and Vault's audit does not have it)");
      } else if (gone && one.dead) {
        revoked++;
      } else if (gone && brokerGone) {
        expired++;
      } else if (gone && book.isLostOnTheWay(one)) {
        orphans++;
      } else if (!gone && !over && !one.dead) {
        live++;
      } else {
        open.add(
            one.principal
                + (gone ? " (gone, not said to be dead)" : " (there)")
                + (one.dead ? " (said to be dead)" : "")
                + (over ? " (over)" : ""));
      }
    }
    for (VaultLog.Lent one : lent) {
      if (book.lease(one.lease()).isEmpty()) {
        if (!leased.contains(ChainEye.sha256(one.lease()))
            && roles.roles().entrySet().stream()
                .noneMatch(role ->
                    role.getKey().startsWith("x-" + one.epoch() + "-")
                        && role.getValue().able()
                        && book.principal(role.getKey()).isEmpty())) {
          orphans++;
        } else {
          open.add(one.lease() + LEFT);
        }
      }
    }
    // Sessions of roles that are gone are nobody's, and so everybody's.
    roles.sessions().keySet().stream()
        .filter(role -> !roles.roles().containsKey(role))
        .forEach(role -> open.add("sessions of " + role + ", which is gone"));
    int all = live + revoked + expired + orphans + open.size();
    return new Account(all, live, revoked, expired, orphans, List.copyOf(open));
  }
}
