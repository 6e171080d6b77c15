package dev.ablation.emoji.command;

import ai.djl.Device;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Option;
import picocli.CommandLine.TypeConversionException;

/** The option {@code --device} of every command. */
public final class DeviceOption {
  private static final Pattern GPU = Pattern.compile("gpu(\\d{0,3})");

  @Option(
      names = "--device",
      paramLabel = "NAME",
      defaultValue = "cpu",
      converter = Converter.class,
      description =
          "Device to compute on: cpu, gpu (the first one), gpu0, gpu1 ... Default: ${DEFAULT-VALUE}.")
  private Device device = Device.cpu();

  /** Only picocli fills it in. */
  public DeviceOption() {}

  /** {@return the device; the CPU unless another one was named} */
  public Device device() {
    return device;
  }

  /** {@return the device's name, as the option takes it: {@code cpu}, {@code gpu0} ...} */
  public String name() {
    return device.isGpu() ? "gpu" + device.getDeviceId() : "cpu";
  }

  /** Refuses what is no device, when the command line is read. */
  static final class Converter implements ITypeConverter<Device> {
    @Override
    public Device convert(String text) {
      String name = text.strip().toLowerCase(Locale.ROOT);
      Matcher gpu = GPU.matcher(name);
      if (gpu.matches()) {
        return Device.gpu(gpu.group(1).isEmpty() ? 0 : Integer.parseInt(gpu.group(1)));
      }
      if (name.equals("cpu")) {
        return Device.cpu();
      }
      throw new TypeConversionException(
          "must be cpu, gpu, gpu0, gpu1 ..., was '%s'".formatted(text));
    }
  }
}
