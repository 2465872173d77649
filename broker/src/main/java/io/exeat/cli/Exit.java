package io.exeat.cli;

/** What the command line ends with; {@code exeat --help} lists them. */
public final class Exit {
  /** Done. */
  public static final int OK = 0;

  /** The broker answered, and the answer was no. */
  public static final int REFUSED = 1;

  /** The command or a value in it is not what it must be. */
  public static final int USAGE = 2;

  /** The broker, or something that it depends on, is away. Nothing was lent. */
  public static final int UNAVAILABLE = 3;

  /** Accepted and under way, but not proven yet: still revoking. */
  public static final int PENDING = 4;

  /** A defect of Exeat's. */
  public static final int BUG = 5;

  /**
   * A check did not pass: doctor, config and policy check, audit and receipt verify, vault apply
   * --check, demo.
   */
  public static final int CHECK_FAILED = 10;

  /** For the help text: {@code code:meaning}. */
  public static String[] table() {
    return new String[] {
      "0:Done",
      "1:Refused by the broker",
      "2:The command, a value in it or the configuration is wrong",
      "3:The broker or something that it needs is away; nothing was lent",
      "4:Accepted, but not proven dead yet: it is still being revoked",
      "5:A defect of Exeat's",
      "10:A check did not pass (doctor, config and policy check, audit and receipt verify, vault apply --check, demo)",
      "n:exec ends with its command's exit code"
    };
  }

  private Exit() {}
}
