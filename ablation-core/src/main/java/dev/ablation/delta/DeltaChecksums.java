package dev.ablation.delta;

import ai.djl.ndarray.NDArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.ablation.safetensors.Checksums;
import dev.ablation.safetensors.SafetensorsFile;
import dev.ablation.safetensors.TensorSource;
import java.io.IOException;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The checksums in the header of a delta file: one of each tensor, with its format and shape, and
 * one of the header's other strings.
 */
final class DeltaChecksums {
  private static final String KEY = "ablation.checksums";
  private static final String HEADER = "header";
  private static final String TENSORS = "tensors";

  /** What the header of a file without checksums may have. */
  private static final Set<String> OLD_KEYS =
      Set.of("format", WeightDelta.FORMAT_KEY, WeightDelta.PROVENANCE_KEY, WeightDelta.FORMS_KEY);

  private static final Logger LOG = LoggerFactory.getLogger(DeltaChecksums.class);

  private DeltaChecksums() {}

  /** Adds the checksums to a header. */
  static void add(Map<String, String> header, Map<String, NDArray> arrays) throws IOException {
    JsonObject tensors = new JsonObject();
    for (Map.Entry<String, NDArray> each : new TreeMap<>(arrays).entrySet()) {
      tensors.addProperty(each.getKey(), Checksums.of(TensorSource.of(each.getValue())));
    }
    JsonObject json = new JsonObject();
    json.addProperty(HEADER, Checksums.of(header));
    json.add(TENSORS, tensors);
    header.put(KEY, json.toString());
  }

  /**
   * Compares the file with its checksums. Files of earlier versions have none; their headers have
   * only known keys, so that a damaged key is noticed.
   */
  static void check(SafetensorsFile file) throws IOException {
    Map<String, String> header = new TreeMap<>(file.metadata());
    String text = header.remove(KEY);
    if (text == null) {
      Set<String> unknown = new java.util.TreeSet<>(header.keySet());
      unknown.removeAll(OLD_KEYS);
      if (!unknown.isEmpty()) {
        throw damaged(file, "its header has the unknown keys " + unknown + " and no checksums");
      }
      LOG.info("{} is of an earlier version: it has no checksums of its own", file.path());
      return;
    }
    JsonObject json = JsonParser.parseString(text).getAsJsonObject();
    if (!Checksums.of(header).equals(text(json.get(HEADER)))) {
      throw damaged(file, "its header differs from its checksum");
    }
    JsonObject tensors = json.getAsJsonObject(TENSORS);
    if (tensors == null || !tensors.keySet().equals(file.tensors().keySet())) {
      throw damaged(file, "its tensors are not those of its checksums");
    }
    for (String name : file.tensors().keySet()) {
      if (!Checksums.of(file.source(name)).equals(text(tensors.get(name)))) {
        throw damaged(file, "'" + name + "' differs from its checksum");
      }
    }
  }

  private static String text(@org.jspecify.annotations.Nullable JsonElement json) {
    return json == null ? "" : json.getAsString();
  }

  private static IOException damaged(SafetensorsFile file, String how) {
    return new IOException(file.path() + ": the delta is damaged: " + how);
  }
}
