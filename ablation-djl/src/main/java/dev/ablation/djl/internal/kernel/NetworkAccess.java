package dev.ablation.djl.internal.kernel;

import java.util.List;

/**
 * Keeps DJL from connecting to the network on its own: it would report its use, and seek native
 * libraries. Whoever has set one of its switches, as an environment variable or a system property,
 * is obeyed.
 */
public final class NetworkAccess {
  private static final String OFFLINE = "ai.djl.offline";
  private static final String NO_REPORT = "OPT_OUT_TRACKING";
  private static final List<String> SWITCHES = List.of("DJL_OFFLINE", OFFLINE, "offline");

  private NetworkAccess() {}

  /** Switches both off where nothing was said. Called before each class of DJL that connects. */
  public static synchronized void offByDefault() {
    if (SWITCHES.stream().noneMatch(NetworkAccess::isSet)) {
      System.setProperty(OFFLINE, "true");
    }
    if (!isSet(NO_REPORT)) {
      System.setProperty(NO_REPORT, "true");
    }
  }

  private static boolean isSet(String name) {
    return System.getenv(name) != null || System.getProperty(name) != null;
  }
}
