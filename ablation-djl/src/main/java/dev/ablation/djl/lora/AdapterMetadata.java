package dev.ablation.djl.lora;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import dev.ablation.djl.load.JsonConfig;
import dev.ablation.model.LoraFactors;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.stream.Collectors;

/**
 * peft's configuration of an adapter, which diffusers keeps as a JSON text in the header of a LoRA
 * file: each key with the part in front, {@code "unet.lora_alpha"}. Without it alpha is the rank.
 */
final class AdapterMetadata {
  static final String KEY = "lora_adapter_metadata";

  private static final Gson GSON = new GsonBuilder().disableHtmlEscaping().create();

  private final JsonConfig json;
  private final boolean ofOnePart;

  private AdapterMetadata(JsonConfig json, boolean ofOnePart) {
    this.json = json;
    this.ofOnePart = ofOnePart;
  }

  /** Reads the entry of a header; {@code "{}"} if there is none. */
  static AdapterMetadata parse(Path file, String text) throws IOException {
    return new AdapterMetadata(JsonConfig.parse(file.resolve(KEY), text), false);
  }

  /** Reads the file that peft writes beside an adapter: the same keys, for one part. */
  static AdapterMetadata read(Path file) throws IOException {
    return new AdapterMetadata(JsonConfig.read(file), true);
  }

  /** What B A of a module is multiplied by. */
  double scale(String module, int rank) throws IOException {
    int dot = module.indexOf('.');
    String part = ofOnePart ? "" : module.substring(0, dot + 1);
    double alpha = json.doubleOr(part + "lora_alpha", rank);
    JsonConfig patterns = json.section(part + "alpha_pattern");
    for (String pattern : patterns.keys()) {
      if (matches(pattern, module.substring(dot + 1))) {
        alpha = patterns.requireDouble(pattern);
        break;
      }
    }
    boolean root = json.boolOr(part + "use_rslora", false);
    return alpha / (root ? Math.sqrt(rank) : rank);
  }

  /** peft matches a regular expression at the end of a module's name. */
  private static boolean matches(String pattern, String module) {
    return NamePattern.parse(pattern)
        .orElseThrow(() ->
            new IllegalArgumentException(
                "alpha_pattern must hold names of modules, with . and \\d, * and + after them, and |,"
                    + " was "
                    + pattern))
        .matches(module);
  }

  /** Whether a reader that knows the tensors alone would understand these changes. */
  static boolean isNeededFor(Map<String, LoraFactors> changes) {
    return changes.values().stream().anyMatch(change -> change.scale() != 1)
        || changes.values().stream().map(LoraFactors::rank).distinct().count() > 1;
  }

  /** Describes changes, name of a module to its factors. */
  static String of(Map<String, LoraFactors> changes) {
    Map<String, Map<String, LoraFactors>> parts = new TreeMap<>();
    changes.forEach((module, change) -> {
      int dot = module.indexOf('.');
      parts
          .computeIfAbsent(module.substring(0, dot + 1), part -> new TreeMap<>())
          .put(module.substring(dot + 1), change);
    });
    JsonObject json = new JsonObject();
    parts.forEach((part, ofPart) -> {
      double rank = most(ofPart.values(), change -> (double) change.rank());
      double alpha = most(ofPart.values(), AdapterMetadata::alpha);
      json.addProperty(part + "r", (int) rank);
      json.addProperty(part + "lora_alpha", alpha);
      json.add(part + "rank_pattern", pattern(ofPart, change -> (double) change.rank(), rank));
      json.add(part + "alpha_pattern", pattern(ofPart, AdapterMetadata::alpha, alpha));
      JsonArray modules = new JsonArray();
      ofPart.keySet().forEach(modules::add);
      json.add(part + "target_modules", modules);
      json.addProperty(part + "lora_dropout", 0.0);
      json.addProperty(part + "bias", "none");
      json.addProperty(part + "use_dora", false);
      json.addProperty(part + "use_rslora", false);
    });
    return GSON.toJson(json);
  }

  static double alpha(LoraFactors change) {
    return change.scale() * change.rank();
  }

  private static double most(Collection<LoraFactors> changes, Function<LoraFactors, Double> value) {
    return changes.stream()
        .collect(Collectors.groupingBy(value, LinkedHashMap::new, Collectors.counting()))
        .entrySet()
        .stream()
        .max(Map.Entry.comparingByValue())
        .orElseThrow()
        .getKey();
  }

  private static JsonObject pattern(
      Map<String, LoraFactors> changes, Function<LoraFactors, Double> value, double usual) {
    JsonObject pattern = new JsonObject();
    changes.forEach((module, change) -> {
      double own = value.apply(change);
      if (own != usual) {
        pattern.add(module, number(own));
      }
    });
    return pattern;
  }

  /** Ranks are whole numbers, in Python too. */
  private static JsonPrimitive number(double value) {
    return value == Math.rint(value) ? new JsonPrimitive((long) value) : new JsonPrimitive(value);
  }
}
