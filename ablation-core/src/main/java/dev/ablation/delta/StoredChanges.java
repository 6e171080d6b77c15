package dev.ablation.delta;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import com.google.gson.JsonPrimitive;
import dev.ablation.model.LoraFactors;
import dev.ablation.safetensors.SafetensorsFile;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Reads the changes of a delta file in the forms that its header describes. */
final class StoredChanges {
  private final SafetensorsFile tensors;
  private final NDManager manager;
  private final Set<String> unread;

  StoredChanges(SafetensorsFile tensors, NDManager manager) {
    this.tensors = tensors;
    this.manager = manager;
    unread = new LinkedHashSet<>(tensors.tensors().keySet());
  }

  /**
   * Reads all changes.
   *
   * @param forms name of a weight to its form, JSON; other weights are in full
   * @throws IllegalArgumentException if tensors and forms do not match
   */
  Map<String, Change> read(String forms) throws IOException {
    Map<String, Change> changes = new LinkedHashMap<>();
    for (Map.Entry<String, JsonElement> each : parse(forms).entrySet()) {
      changes.put(each.getKey(), change(each.getKey(), each.getValue()));
    }
    for (String name : unread) {
      if (changes.put(name, new FullChange(tensors.readFloat32(name, manager))) != null) {
        throw new IllegalArgumentException("weight '" + name + "' must not be stored twice");
      }
    }
    return changes;
  }

  private static JsonObject parse(String forms) {
    try {
      return JsonParser.parseString(forms).getAsJsonObject();
    } catch (JsonParseException | IllegalStateException e) {
      throw new IllegalArgumentException("forms of the weights are not a JSON object: " + forms, e);
    }
  }

  private Change change(String name, JsonElement form) throws IOException {
    if (form instanceof JsonObject object) {
      if (RowChange.FORM.equals(text(object, "form"))) {
        NDArray rows = tensors.read(take(name + RowChange.ROWS), manager);
        if (rows.getDataType() != DataType.INT64) {
          throw new IllegalArgumentException(
              "tensor '%s' must be int64, was %s"
                  .formatted(name + RowChange.ROWS, rows.getDataType()));
        }
        return new RowChange((long) number(object, "count"), rows, take32(name + RowChange.VALUES));
      }
      if (LowRankChange.FORM.equals(text(object, "form"))) {
        return new LowRankChange(
            new LoraFactors(
                take32(name + LoraFactors.DOWN),
                take32(name + LoraFactors.UP),
                number(object, "scale")));
      }
    }
    throw new IllegalArgumentException(
        "form of weight '%s' must be '%s' or '%s', was %s"
            .formatted(name, RowChange.FORM, LowRankChange.FORM, form));
  }

  private NDArray take32(String tensor) throws IOException {
    return tensors.readFloat32(take(tensor), manager);
  }

  private String take(String tensor) {
    if (!unread.remove(tensor)) {
      throw new IllegalArgumentException("tensor '" + tensor + "' is missing");
    }
    return tensor;
  }

  private static @Nullable String text(JsonObject object, String key) {
    return object.get(key) instanceof JsonPrimitive value && value.isString()
        ? value.getAsString()
        : null;
  }

  private static double number(JsonObject object, String key) {
    if (object.get(key) instanceof JsonPrimitive value && value.isNumber()) {
      return value.getAsDouble();
    }
    throw new IllegalArgumentException("a form must have a number '" + key + "', was " + object);
  }
}
