package dev.ablation.fuzz;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import com.google.gson.JsonPrimitive;
import com.google.gson.internal.LazilyParsedNumber;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.Stream;

/** Damages values of a JSON text, and JSON texts in its strings; sometimes its bytes. */
public final class Json implements Mutator {
  private static final String[] NUMBERS = {
    "0",
    "1",
    "-1",
    "2",
    "0.5",
    "-0.0",
    "7",
    "1000",
    "1001",
    "1048577",
    "2147483647",
    "2147483648",
    "-2147483648",
    "4294967296",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551615",
    "1e300",
    "-1e300",
    "1e400",
    "1e-400",
    "1e9999999999",
    "1E+38",
    "NaN",
    "Infinity",
    "-Infinity",
    "100000000000000000000000000000000000000"
  };

  private static final String[] TEXTS = {
    "",
    " ",
    "a",
    "1",
    "-1",
    "null",
    "true",
    "../../x",
    "/",
    "\u0000",
    "\ufeff",
    "\ud800",
    "\udfff\ud800",
    "a\nb",
    "\u2028",
    "{}",
    "[]",
    "{\"a\":",
    "(.*)*$",
    "(a+)+b",
    "1e9999999999",
    "%s%n",
    "\\",
    "\"",
    "inf",
    "Infinity",
    "float16",
    "F32",
    "U64",
    "BOOL",
    "é",
    "\ud83d\ude00"
  };

  private static final int MOST_CHANGES = 3;
  private static final int MOST_PLACES = 20_000;

  private final Bytes bytes = new Bytes();

  static LazilyParsedNumber number(SplittableRandom random) {
    return new LazilyParsedNumber(NUMBERS[random.nextInt(NUMBERS.length)]);
  }

  static String text(SplittableRandom random) {
    String text = TEXTS[random.nextInt(TEXTS.length)];
    return random.nextInt(20) == 0 ? text.repeat(1 + random.nextInt(2000)) : text;
  }

  @Override
  public byte[] mutate(byte[] content, SplittableRandom random) {
    if (random.nextInt(5) == 0) {
      return bytes.mutate(content, random);
    }
    JsonElement json;
    try {
      json = JsonParser.parseString(new String(content, StandardCharsets.UTF_8));
    } catch (JsonParseException e) {
      return bytes.mutate(content, random);
    }
    return mutate(json, random).toString().getBytes(StandardCharsets.UTF_8);
  }

  /**
   * Damages a tree.
   *
   * @param json changed in place, but for its root
   * @param random decides about the damage
   * @return the damaged tree
   */
  static JsonElement mutate(JsonElement json, SplittableRandom random) {
    JsonElement result = json;
    for (int left = 1 + random.nextInt(MOST_CHANGES); left > 0; left--) {
      List<Place> places = new ArrayList<>();
      collect(result, places);
      if (places.size() > MOST_PLACES) {
        return result;
      }
      if (places.isEmpty() || random.nextInt(200) == 0) {
        result = value(result, random);
      } else {
        change(places.get(random.nextInt(places.size())), places, random);
      }
    }
    return result;
  }

  /** A value in an object or an array. */
  private record Place(JsonElement parent, String key, int index) {
    JsonElement get() {
      return parent instanceof JsonObject object
          ? object.get(key)
          : ((JsonArray) parent).get(index);
    }

    void set(JsonElement value) {
      if (parent instanceof JsonObject object) {
        object.add(key, value);
      } else {
        ((JsonArray) parent).set(index, value);
      }
    }

    void remove() {
      if (parent instanceof JsonObject object) {
        object.remove(key);
      } else {
        ((JsonArray) parent).remove(index);
      }
    }
  }

  private static void collect(JsonElement json, List<Place> places) {
    if (json instanceof JsonObject object) {
      for (String key : object.keySet()) {
        places.add(new Place(object, key, 0));
        collect(object.get(key), places);
      }
    } else if (json instanceof JsonArray array) {
      for (int i = 0; i < array.size(); i++) {
        places.add(new Place(array, "", i));
        collect(array.get(i), places);
      }
    }
  }

  private static void change(Place place, List<Place> places, SplittableRandom random) {
    switch (random.nextInt(8)) {
      case 0 -> place.remove();
      case 1 -> {
        if (place.parent instanceof JsonObject object) {
          object.add(random.nextBoolean() ? text(random) : place.key + "x", place.get());
        } else {
          ((JsonArray) place.parent).add(place.get().deepCopy());
        }
      }
      case 2 -> place.set(places.get(random.nextInt(places.size())).get().deepCopy());
      case 3 -> {
        JsonArray many = new JsonArray();
        Stream.generate(() -> place.get().deepCopy())
            .limit(random.nextInt(random.nextInt(10) == 0 && places.size() < 100 ? 300 : 8))
            .forEach(many::add);
        place.set(many);
      }
      default -> place.set(value(place.get(), random));
    }
  }

  private static JsonElement value(JsonElement old, SplittableRandom random) {
    if (old instanceof JsonPrimitive primitive
        && primitive.isString()
        && primitive.getAsString().startsWith("{")
        && random.nextInt(8) != 0) {
      try {
        JsonElement inner = JsonParser.parseString(primitive.getAsString());
        return new JsonPrimitive(mutate(inner, random).toString());
      } catch (JsonParseException e) {
        return JsonNull.INSTANCE;
      }
    }
    boolean same = random.nextBoolean(); // a value of the same type gets further
    if (same && old instanceof JsonPrimitive primitive && primitive.isString()) {
      return new JsonPrimitive(text(random));
    }
    if (same && old instanceof JsonPrimitive primitive && primitive.isNumber()) {
      return new JsonPrimitive(number(random));
    }
    return switch (random.nextInt(8)) {
      case 0 -> JsonNull.INSTANCE;
      case 1 -> new JsonPrimitive(random.nextBoolean());
      case 2 -> new JsonArray();
      case 3 -> new JsonObject();
      case 4 -> nested(random.nextInt(300));
      case 5 -> new JsonPrimitive(text(random));
      default -> new JsonPrimitive(number(random));
    };
  }

  private static JsonElement nested(int depth) {
    JsonElement json = new JsonArray();
    for (int i = 0; i < depth; i++) {
      JsonArray outer = new JsonArray();
      outer.add(json);
      json = outer;
    }
    return json;
  }
}
