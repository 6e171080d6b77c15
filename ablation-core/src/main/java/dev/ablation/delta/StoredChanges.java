package dev.ablation.delta;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import com.google.gson.JsonPrimitive;
import dev.ablation.internal.Finite;
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
  /** More than any vocabulary has. */
  private static final int MOST_ROWS = 1 << 20;

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
      NDArray difference = tensors.readFloat32(name, manager);
      Finite.largest(difference, name);
      if (changes.put(name, new FullChange(difference)) != null) {
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
        NDArray values = take32(name + RowChange.VALUES);
        Finite.largest(values, name);
        return new RowChange(count(name, object, values), rows, values);
      }
      if (LowRankChange.FORM.equals(text(object, "form"))) {
        LoraFactors factors =
            new LoraFactors(
                take32(name + LoraFactors.DOWN),
                take32(name + LoraFactors.UP),
                number(object, "scale"));
        Finite.checkProduct(factors.down(), factors.up(), factors.rank(), factors.scale(), name);
        return new LowRankChange(factors);
      }
    }
    throw new IllegalArgumentException(
        "form of weight '%s' must be '%s' or '%s', was %s"
            .formatted(name, RowChange.FORM, LowRankChange.FORM, form));
  }

  /** The number of rows of the weight, of which the file holds only some. */
  private static long count(String name, JsonObject form, NDArray values) {
    double count = number(form, "count");
    long columns =
        values.getShape().dimension() == 0
            ? 1
            : values.size() / Math.max(1, values.getShape().get(0));
    if (count != Math.rint(count)
        || count < 1
        || count > MOST_ROWS
        || count * columns > Integer.MAX_VALUE) {
      throw new IllegalArgumentException(
          "the rows of weight '%s' must be at most %d, with fewer than 2^31 numbers, were %s of %d"
              .formatted(name, MOST_ROWS, form.get("count"), columns));
    }
    return (long) count;
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
