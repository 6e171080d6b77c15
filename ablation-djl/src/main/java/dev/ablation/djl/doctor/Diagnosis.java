package dev.ablation.djl.doctor;

import com.google.gson.GsonBuilder;
import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import dev.ablation.djl.doctor.LoadedTorch.ComputeDevice;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.Optional;

/**
 * What {@link NativeDoctor} found.
 *
 * @param machine that the libraries run on
 * @param source of libtorch
 * @param cache folder of unpacked libraries
 * @param offline whether downloads are off
 * @param loaded what another process loaded; empty if it could not, or was not asked to
 * @param findings what is wrong, and what mends it
 */
public record Diagnosis(
    Machine machine,
    NativeSource source,
    CacheFolder cache,
    boolean offline,
    Optional<LoadedTorch> loaded,
    List<Finding> findings) {
  private static final double GIBIBYTE = 1L << 30;

  /** Copies the findings. */
  public Diagnosis {
    Objects.requireNonNull(machine, "machine");
    Objects.requireNonNull(source, "source");
    Objects.requireNonNull(cache, "cache");
    Objects.requireNonNull(loaded, "loaded");
    findings = List.copyOf(findings);
  }

  /** {@return whether nothing keeps the libraries from working} */
  public boolean healthy() {
    return findings.stream().noneMatch(each -> each.severity() == Finding.Severity.PROBLEM);
  }

  /** {@return what would be downloaded when a model is opened; empty if nothing} */
  public Optional<String> download() {
    return source.kind() == NativeSource.Kind.DOWNLOAD
        ? Optional.of(source.location())
        : Optional.empty();
  }

  /** {@return the diagnosis as JSON} */
  public String toJson() {
    JsonObject json = new JsonObject();
    json.addProperty("healthy", healthy());
    JsonObject system = new JsonObject();
    system.addProperty("system", machine.system());
    system.addProperty("libc", machine.libc());
    system.addProperty("processor", machine.processor());
    system.addProperty("processors", machine.processors());
    system.add("instructionSets", array(machine.instructionSets()));
    system.addProperty("memoryBytes", machine.memoryBytes());
    json.add("machine", system);
    JsonObject from = new JsonObject();
    from.addProperty("kind", source.kind().name().toLowerCase(Locale.ROOT).replace('_', '-'));
    from.addProperty("location", source.location());
    from.addProperty("version", source.version());
    from.addProperty("flavour", source.flavour());
    from.add("flavours", array(source.flavours()));
    json.add("libtorch", from);
    JsonObject folder = new JsonObject();
    folder.addProperty("path", cache.path().toString());
    folder.addProperty("setBy", cache.setBy());
    folder.addProperty("writable", cache.writable());
    folder.addProperty("unpacked", cache.unpacked());
    folder.addProperty("freeBytes", cache.freeBytes());
    json.add("cache", folder);
    json.addProperty("offline", offline);
    download().ifPresent(what -> json.addProperty("download", what));
    loaded.ifPresent(torch -> json.add("loaded", json(torch)));
    JsonArray found = new JsonArray();
    for (Finding finding : findings) {
      JsonObject each = new JsonObject();
      each.addProperty("severity", finding.severity().name().toLowerCase(Locale.ROOT));
      each.addProperty("problem", finding.problem());
      each.addProperty("remedy", finding.remedy());
      found.add(each);
    }
    json.add("findings", found);
    return new GsonBuilder().disableHtmlEscaping().setPrettyPrinting().create().toJson(json);
  }

  private static JsonObject json(LoadedTorch torch) {
    JsonObject json = new JsonObject();
    json.addProperty("version", torch.version());
    json.addProperty("folder", torch.folder());
    json.addProperty("threads", torch.threads());
    json.addProperty("tokenizers", torch.tokenizers());
    JsonArray devices = new JsonArray();
    for (ComputeDevice device : torch.devices()) {
      JsonObject each = new JsonObject();
      each.addProperty("name", device.name());
      if (!device.computeCapability().isEmpty()) {
        each.addProperty("computeCapability", device.computeCapability());
      }
      device.memoryBytes().ifPresent(bytes -> each.addProperty("memoryBytes", bytes));
      device.freeBytes().ifPresent(bytes -> each.addProperty("freeBytes", bytes));
      devices.add(each);
    }
    json.add("devices", devices);
    return json;
  }

  private static JsonArray array(List<String> texts) {
    JsonArray array = new JsonArray();
    texts.forEach(array::add);
    return array;
  }

  /** {@return the diagnosis as lines for people} */
  @Override
  public String toString() {
    StringBuilder text = new StringBuilder();
    line(text, "system", "%s%s", machine.system(), comma(machine.libc()));
    line(
        text,
        "processor",
        "%s%d usable, %s",
        machine.processor().isEmpty() ? "" : machine.processor() + ", ",
        machine.processors(),
        machine.instructionSets().isEmpty()
            ? "instruction sets not told"
            : String.join(" ", machine.instructionSets()));
    line(text, "memory", "%.1f GiB", machine.memoryBytes() / GIBIBYTE);
    line(text, "libtorch", "%s", origin());
    line(text, "bindings for", "%s", String.join(", ", source.flavours()));
    line(
        text,
        "cache folder",
        "%s (by %s)%s%s",
        cache.path(),
        cache.setBy(),
        cache.unpacked() ? ", library unpacked" : "",
        cache.writable() ? "" : ", cannot be written");
    line(text, "downloads", "%s", offline ? "off" : download().orElse("on; nothing to download"));
    loaded.ifPresent(torch -> {
      line(text, "loaded", "PyTorch %s from %s", torch.version(), torch.folder());
      for (ComputeDevice device : torch.devices()) {
        line(
            text,
            "device",
            "%s%s",
            device.name(),
            device.memoryBytes().isPresent()
                ? String.format(
                    Locale.ROOT,
                    ", compute capability %s, %.1f GiB, %.1f GiB free",
                    device.computeCapability(),
                    device.memoryBytes().getAsLong() / GIBIBYTE,
                    device.freeBytes().orElse(0) / GIBIBYTE)
                : ", %d threads".formatted(torch.threads()));
      }
      line(text, "tokenizers", "%s", torch.tokenizers() ? "loaded" : "not loaded");
    });
    for (Finding finding : findings) {
      text.append(System.lineSeparator());
      line(
          text,
          finding.severity().name().toLowerCase(Locale.ROOT),
          "%s",
          finding.problem());
      line(text, "to mend it", "%s", finding.remedy());
    }
    return text.toString();
  }

  private String origin() {
    String what = source.flavour() + (source.version().isEmpty() ? "" : " " + source.version());
    return switch (source.kind()) {
      case FOLDER -> what + " in the folder " + source.location();
      case CLASS_PATH -> what + " in " + source.location();
      case CACHE -> what + " in the cache, " + source.location();
      case DOWNLOAD -> what + ", to be downloaded from " + source.location();
      case NONE -> "none";
    };
  }

  private static String comma(String text) {
    return text.isEmpty() ? "" : ", " + text;
  }

  private static void line(StringBuilder text, String name, String format, Object... values) {
    text.append(String.format(Locale.ROOT, "%-14s", name))
        .append(String.format(Locale.ROOT, format, values))
        .append(System.lineSeparator());
  }
}
