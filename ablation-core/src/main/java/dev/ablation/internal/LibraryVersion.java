package dev.ablation.internal;

import ai.djl.Device;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.Map;
import java.util.Properties;
import java.util.TreeMap;

/** The library's version and the environment of a run. */
public final class LibraryVersion {
  private LibraryVersion() {}

  /** {@return the version, {@code "unknown"} outside of a build} */
  public static String get() {
    Properties properties = new Properties();
    try (InputStream in =
        LibraryVersion.class.getResourceAsStream("/dev/ablation/version.properties")) {
      if (in != null) {
        properties.load(in);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return properties.getProperty("version", "unknown");
  }

  /**
   * Describes the machine.
   *
   * @param device that computes
   * @return sorted by name
   */
  public static Map<String, String> environment(Device device) {
    Map<String, String> environment = new TreeMap<>();
    environment.put("java", System.getProperty("java.vm.name") + " " + Runtime.version());
    environment.put("os", System.getProperty("os.name") + " " + System.getProperty("os.version"));
    environment.put("arch", System.getProperty("os.arch"));
    environment.put("processors", Integer.toString(Runtime.getRuntime().availableProcessors()));
    environment.put("device", device.toString());
    return environment;
  }
}
