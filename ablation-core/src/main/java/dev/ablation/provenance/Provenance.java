package dev.ablation.provenance;

import com.google.errorprone.annotations.CheckReturnValue;
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
 * Where a delta comes from. All values are text and sorted by name, so two provenances can be
 * compared, and repeating a run writes the same bytes.
 *
 * {@snippet class="dev.ablation.Snippets" region="provenance"}
 *
 * @param libraryVersion the version of this library
 * @param baseName the base model's name
 * @param baseSha256 hash of the base model's weights, see {@link
 *     dev.ablation.model.Weights#sha256()}
 * @param baseWeightSha256 hash of each base weight that the delta changes, by the weight's name
 * @param settings everything that determines the run's result, including the seed
 * @param environment what the run used: Java, operating system, processor, device
 */
@CheckReturnValue
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
   * Returns a copy that names other base weights.
   *
   * @param sha256 hash of each base weight that the delta changes, by the weight's name
   * @return a copy with the given hashes
   */
  public Provenance withBaseWeights(Map<String, String> sha256) {
    return new Provenance(libraryVersion, baseName, baseSha256, sha256, settings, environment);
  }

  /**
   * Describes a scaled delta: {@code scale} among its settings.
   *
   * @param factor that it was multiplied by
   * @return a copy whose setting {@code scale} is the product of its factors
   */
  public Provenance scaledBy(double factor) {
    return withSettings(PairSettings.scaled(settings, factor));
  }

  /**
   * Describes a sum of deltas: the settings of each stand under {@code sum.1.}, {@code sum.2.} and
   * so on, with the base weights of all.
   *
   * @param other provenance of the delta that was added
   * @return a copy that names both
   */
  public Provenance plus(Provenance other) {
    Map<String, String> hashes = new TreeMap<>(other.baseWeightSha256);
    hashes.putAll(baseWeightSha256);
    return withSettings(PairSettings.sum(settings, other.settings)).withBaseWeights(hashes);
  }

  private Provenance withSettings(Map<String, String> changed) {
    return new Provenance(
        libraryVersion, baseName, baseSha256, baseWeightSha256, changed, environment);
  }

  /**
   * Returns the settings whose values differ between this provenance and another.
   *
   * @param other the provenance to compare with
   * @return from setting name to {@code "this value -> other value"}
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
   * Parses the output of {@link #toJson()}.
   *
   * @param text the JSON text
   * @return the provenance
   * @throws IllegalArgumentException if the text is not such JSON; the message names the fault
   */
  public static Provenance fromJson(String text) {
    try {
      JsonObject json = JsonParser.parseString(text).getAsJsonObject();
      return new Provenance(
          string(json, "libraryVersion"),
          string(json, "baseName"),
          string(json, "baseSha256"),
          map(json, "baseWeightSha256"),
          withCurrentTerms(map(json, "settings")),
          map(json, "environment"));
    } catch (JsonParseException | IllegalStateException e) {
      throw new IllegalArgumentException("provenance is not a JSON object: " + e.getMessage(), e);
    }
  }

  /** Files of the first versions have "picture" instead of "image". */
  private static Map<String, String> withCurrentTerms(Map<String, String> settings) {
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
    throw new IllegalArgumentException("provenance must have a string '" + key + "'");
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
