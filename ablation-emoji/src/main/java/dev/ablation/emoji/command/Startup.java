package dev.ablation.emoji.command;

/** What every command of this module says to the JVM before anything else. */
public final class Startup {
  private Startup() {}

  /**
   * Tells the engine, which reads it when it loads, neither to download nor to report anything, and
   * the JVM that there is no screen. What was said on the command line stays.
   */
  public static void offline() {
    System.setProperty("ai.djl.offline", System.getProperty("ai.djl.offline", "true"));
    System.setProperty("OPT_OUT_TRACKING", System.getProperty("OPT_OUT_TRACKING", "true"));
    System.setProperty("java.awt.headless", "true");
  }
}
