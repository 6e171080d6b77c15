package dev.ablation.emoji.command;

import ai.djl.Device;
import dev.ablation.djl.load.DeviceNames;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Option;
import picocli.CommandLine.TypeConversionException;

/** The option {@code --device} of every command. */
public final class DeviceOption {
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
    return DeviceNames.of(device);
  }

  /** Refuses what is no device, when the command line is read. */
  static final class Converter implements ITypeConverter<Device> {
    @Override
    public Device convert(String text) {
      try {
        return DeviceNames.parse(text);
      } catch (IllegalArgumentException e) {
        throw new TypeConversionException(e.getMessage());
      }
    }
  }
}
