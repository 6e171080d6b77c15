package dev.ablation.delta;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import com.google.gson.JsonPrimitive;
import dev.ablation.internal.Finite;
import dev.ablation.model.LoraFactors;
import dev.ablation.safetensors.SafetensorsFile;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
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
  private final Map<String, WeightFactor> factors = new HashMap<>();

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
      if (FactorChange.FORM.equals(text(object, "form"))) {
        return factors(name, object);
      }
    }
    throw new IllegalArgumentException(
        "form of weight '%s' must be '%s', '%s' or '%s', was %s"
            .formatted(name, RowChange.FORM, LowRankChange.FORM, FactorChange.FORM, form));
  }

  private Change factors(String name, JsonObject form) throws IOException {
    List<FactorChange.Term> terms = new ArrayList<>();
    if (!(form.get("factors") instanceof JsonArray array) || array.isEmpty()) {
      throw new IllegalArgumentException(
          "form of weight '%s' must have factors, was %s".formatted(name, form));
    }
    for (JsonElement each : array) {
      if (!(each instanceof JsonObject term)) {
        throw new IllegalArgumentException(
            "a factor of weight '%s' must be an object, was %s".formatted(name, each));
      }
      terms.add(new FactorChange.Term(number(term, "scale"), factor(term)));
    }
    int axis = (int) number(form, "axis");
    long width = terms.get(0).factor().width();
    long length = length(name, form, width);
    Shape shape = axis == 0 ? new Shape(width, length) : new Shape(length, width);
    return new FactorChange(shape, axis, terms, rest(name, form.get("rest")));
  }

  private long length(String name, JsonObject form, long width) {
    double length = number(form, "length");
    if (length != Math.rint(length) || length < 1 || length * width > Integer.MAX_VALUE) {
      throw new IllegalArgumentException(
          "the length of weight '%s' must be positive, with fewer than 2^31 numbers in all, was %s"
              .formatted(name, form.get("length")));
    }
    return (long) length;
  }

  /** Weights share factors, so each is read once. */
  private WeightFactor factor(JsonObject term) throws IOException {
    String name = text(term, "factor");
    boolean slim =
        term.get("slim") instanceof JsonPrimitive value
            && value.isBoolean()
            && value.getAsBoolean();
    if (name == null) {
      throw new IllegalArgumentException("a factor must have a name, was " + term);
    }
    WeightFactor known = factors.get(name);
    if (known == null) {
      List<NDArray> arrays = new ArrayList<>();
      for (String tensor : WeightFactor.tensors(name, slim)) {
        NDArray array = take32(tensor);
        Finite.largest(array, tensor);
        arrays.add(array);
      }
      known =
          slim
              ? WeightFactor.of(arrays.get(0), arrays.get(1))
              : WeightFactor.of(arrays.get(0));
      if (!known.name().equals(name)) {
        throw new IllegalArgumentException(
            "factor '%s' has other values than its name says".formatted(name));
      }
      factors.put(name, known);
    }
    return known;
  }

  /** What is changed beside the factors; an empty form is a change in full. */
  private @Nullable Change rest(String name, @Nullable JsonElement form) throws IOException {
    if (form == null) {
      return null;
    }
    if (form instanceof JsonObject object && object.isEmpty()) {
      NDArray difference = take32(name);
      Finite.largest(difference, name);
      return new FullChange(difference);
    }
    return change(name, form);
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
