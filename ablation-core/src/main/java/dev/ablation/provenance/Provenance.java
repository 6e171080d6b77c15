package dev.ablation.provenance;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import com.google.gson.JsonPrimitive;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;

/**
 * Where a delta comes from. All values are text, sorted by name, so that two provenances can be
 * compared and the same run writes the same bytes.
 *
 * {@snippet class="dev.ablation.Snippets" region="provenance"}
 *
 * @param libraryVersion of this library
 * @param baseName the base model's name
 * @param baseSha256 hash of the base model's weights, see {@link
 *     dev.ablation.model.Weights#sha256()}
 * @param baseWeightSha256 hash of each base weight that the delta changes
 * @param settings everything that shaped the run, the seed included
 * @param environment what it ran on: Java, operating system, processor, device
 */
public record Provenance(
    String libraryVersion,
    String baseName,
    String baseSha256,
    Map<String, String> baseWeightSha256,
    Map<String, String> settings,
    Map<String, String> environment) {
  private static final Gson GSON = new GsonBuilder().disableHtmlEscaping().create();

  /** Copies and sorts the maps. */
  public Provenance {
    Objects.requireNonNull(libraryVersion, "libraryVersion");
    Objects.requireNonNull(baseName, "baseName");
    Objects.requireNonNull(baseSha256, "baseSha256");
    baseWeightSha256 = sorted(baseWeightSha256);
    settings = sorted(settings);
    environment = sorted(environment);
  }

  private static Map<String, String> sorted(Map<String, String> map) {
    return Collections.unmodifiableMap(new TreeMap<>(map));
  }

  /**
   * Returns a provenance of more or fewer weights.
   *
   * @param sha256 hash of each base weight that the delta changes
   * @return the same provenance with those hashes
   */
  public Provenance withBaseWeights(Map<String, String> sha256) {
    return new Provenance(libraryVersion, baseName, baseSha256, sha256, settings, environment);
  }

  /**
   * Returns the settings in which another provenance differs.
   *
   * @param other provenance
   * @return name of a setting to {@code "this value -> other value"}
   */
  public Map<String, String> settingsDifferingFrom(Provenance other) {
    Map<String, String> differences = new TreeMap<>();
    Map<String, String> names = new TreeMap<>(settings);
    names.putAll(other.settings);
    for (String name : names.keySet()) {
      String mine = settings.get(name);
      String theirs = other.settings.get(name);
      if (!Objects.equals(mine, theirs)) {
        differences.put(name, mine + " -> " + theirs);
      }
    }
    return differences;
  }

  /** {@return what was removed, such as {@code "style 'Van Gogh'"}, in the order of the run} */
  public List<String> targets() {
    return PairSettings.targets(settings);
  }

  /** {@return the provenance as one line of JSON with sorted keys} */
  public String toJson() {
    JsonObject json = new JsonObject();
    json.addProperty("libraryVersion", libraryVersion);
    json.addProperty("baseName", baseName);
    json.addProperty("baseSha256", baseSha256);
    json.add("baseWeightSha256", GSON.toJsonTree(baseWeightSha256));
    json.add("settings", GSON.toJsonTree(settings));
    json.add("environment", GSON.toJsonTree(environment));
    return GSON.toJson(json);
  }

  /**
   * Reads what {@link #toJson()} wrote.
   *
   * @param text JSON
   * @return the provenance
   * @throws IllegalArgumentException if the text is something else; the message says what is wrong
   */
  public static Provenance fromJson(String text) {
    try {
      JsonObject json = JsonParser.parseString(text).getAsJsonObject();
      return new Provenance(
          string(json, "libraryVersion"),
          string(json, "baseName"),
          string(json, "baseSha256"),
          map(json, "baseWeightSha256"),
          inTermsOfToday(map(json, "settings")),
          map(json, "environment"));
    } catch (JsonParseException | IllegalStateException e) {
      throw new IllegalArgumentException("provenance is not a JSON object: " + e.getMessage(), e);
    }
  }

  /** The first files say picture for image. */
  private static Map<String, String> inTermsOfToday(Map<String, String> settings) {
    settings.replaceAll((name, value) ->
        value.equals("MEMORIZED_PICTURE")
            ? "MEMORIZED_IMAGE"
            : value.replaceFirst("^memorized picture '", "memorized image '"));
    return settings;
  }

  private static String string(JsonObject json, String key) {
    if (json.get(key) instanceof JsonPrimitive value && value.isString()) {
      return value.getAsString();
    }
    throw new IllegalArgumentException("provenance must have a text '" + key + "'");
  }

  private static Map<String, String> map(JsonObject json, String key) {
    if (!(json.get(key) instanceof JsonObject object)) {
      throw new IllegalArgumentException("provenance must have an object '" + key + "'");
    }
    Map<String, String> map = new TreeMap<>();
    for (Map.Entry<String, JsonElement> entry : object.entrySet()) {
      map.put(entry.getKey(), string(object, entry.getKey()));
    }
    return map;
  }
}
