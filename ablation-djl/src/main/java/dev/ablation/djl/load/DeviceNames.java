package dev.ablation.djl.load;

import ai.djl.Device;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The names of devices in options, job files and properties. */
public final class DeviceNames {
  private static final Pattern GPU = Pattern.compile("gpu(\\d{0,3})");

  private DeviceNames() {}

  /**
   * Finds the device of a name.
   *
   * @param name {@code cpu}, {@code gpu} for the first GPU, {@code gpu0}, {@code gpu1} ...
   * @return the device, which this machine may not have
   * @throws IllegalArgumentException if there is no such name
   */
  public static Device parse(String name) {
    String stripped = name.strip().toLowerCase(Locale.ROOT);
    Matcher gpu = GPU.matcher(stripped);
    if (gpu.matches()) {
      return Device.gpu(gpu.group(1).isEmpty() ? 0 : Integer.parseInt(gpu.group(1)));
    }
    if (stripped.equals("cpu")) {
      return Device.cpu();
    }
    throw new IllegalArgumentException("must be cpu, gpu, gpu0, gpu1 ..., was '%s'".formatted(name));
  }

  /**
   * Names a device.
   *
   * @param device the CPU or a GPU
   * @return its name, such as {@code cpu} or {@code gpu0}
   */
  public static String of(Device device) {
    return device.isGpu() ? "gpu" + device.getDeviceId() : "cpu";
  }
}
