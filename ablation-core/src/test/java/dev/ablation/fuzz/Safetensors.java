package dev.ablation.fuzz;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import com.google.gson.JsonPrimitive;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Map;
import java.util.SplittableRandom;

/**
 * Damages header, metadata and values of a safetensors file. Most results have a sound frame (the
 * header's length, byte ranges of the tensors, checksums), so that the damage reaches the code
 * behind the first check.
 */
public final class Safetensors implements Mutator {
  /** Makes the checksums in a header those of its content again. */
  @FunctionalInterface
  public interface Repair {
    /**
     * Repairs.
     *
     * @param header changed in place
     * @param data of all tensors
     */
    void repair(JsonObject header, byte[] data);
  }

  private static final int MOST_DATA = 1 << 18;
  private static final float[] VALUES = {
    Float.NaN,
    Float.POSITIVE_INFINITY,
    Float.NEGATIVE_INFINITY,
    Float.MAX_VALUE,
    -1e30f,
    1e20f,
    Float.MIN_VALUE,
    -0f,
    1
  };

  private static final String[] DTYPES = {
    "F32", "F16", "BF16", "F64", "I8", "U8", "I16", "U16", "I32", "U32", "I64", "U64", "BOOL",
    "F8_E5M2", "F8_E4M3", "C64", "F4", "f32"
  };

  private static final String METADATA = "__metadata__";
  private static final String OFFSETS = "data_offsets";

  private final Bytes bytes = new Bytes();
  private final Repair repair;

  /**
   * Creates a mutator.
   *
   * @param repair of checksums; nothing for plain files
   */
  public Safetensors(Repair repair) {
    this.repair = repair;
  }

  @Override
  public byte[] mutate(byte[] content, SplittableRandom random) {
    if (content.length < Long.BYTES || random.nextInt(8) == 0) {
      return bytes.mutate(content, random);
    }
    long length = ByteBuffer.wrap(content).order(ByteOrder.LITTLE_ENDIAN).getLong();
    if (length < 2 || length > content.length - Long.BYTES) {
      return bytes.mutate(content, random);
    }
    int dataStart = Long.BYTES + (int) length;
    JsonObject header;
    try {
      String text = new String(content, Long.BYTES, (int) length, StandardCharsets.UTF_8);
      header = JsonParser.parseString(text).getAsJsonObject();
    } catch (JsonParseException | IllegalStateException e) {
      return bytes.mutate(content, random);
    }
    byte[] data = Arrays.copyOfRange(content, dataStart, content.length);
    int kind = random.nextInt(6);
    if (kind <= 1 && header.get(METADATA) instanceof JsonObject metadata) {
      Json.mutate(metadata, random);
    } else if (kind == 2) {
      Json.mutate(header, random);
    } else if (kind == 3 && data.length > 0) {
      values(data, random);
    } else if (kind == 4) {
      data = bytes.mutate(data, random);
    } else {
      form(header, random);
    }
    if (random.nextInt(8) != 0) {
      data = laidOut(header, data);
    }
    if (random.nextInt(8) != 0) {
      repair(header, data);
    }
    return file(header, data);
  }

  private void repair(JsonObject header, byte[] data) {
    try {
      repair.repair(header, data);
    } catch (RuntimeException e) {
      return; // so damaged that there is nothing to compute a checksum of
    }
  }

  static byte[] file(JsonObject header, byte[] data) {
    byte[] json = header.toString().getBytes(StandardCharsets.UTF_8);
    ByteBuffer file =
        ByteBuffer.allocate(Long.BYTES + json.length + data.length).order(ByteOrder.LITTLE_ENDIAN);
    return file.putLong(json.length).put(json).put(data).array();
  }

  private static void values(byte[] data, SplittableRandom random) {
    ByteBuffer buffer = ByteBuffer.wrap(data).order(ByteOrder.LITTLE_ENDIAN);
    for (int left = 1 + random.nextInt(4); left > 0; left--) {
      int at = random.nextInt(data.length) & ~3;
      if (at + Float.BYTES <= data.length) {
        buffer.putFloat(at, VALUES[random.nextInt(VALUES.length)]);
      }
    }
  }

  /** Changes format, shape or name of a tensor. */
  private static void form(JsonObject header, SplittableRandom random) {
    String[] names =
        header.keySet().stream().filter(key -> !key.equals(METADATA)).toArray(String[]::new);
    if (names.length == 0 || !(header.get(names[0]) instanceof JsonObject)) {
      return;
    }
    String name = names[random.nextInt(names.length)];
    if (!(header.get(name) instanceof JsonObject tensor)) {
      return;
    }
    switch (random.nextInt(4)) {
      case 0 -> tensor.addProperty("dtype", DTYPES[random.nextInt(DTYPES.length)]);
      case 1 -> {
        JsonArray shape = new JsonArray();
        for (int left = random.nextInt(5); left > 0; left--) {
          shape.add(random.nextInt(random.nextInt(4) == 0 ? 100 : 9));
        }
        tensor.add("shape", shape);
      }
      case 2 -> {
        if (tensor.get("shape") instanceof JsonArray shape && !shape.isEmpty()) {
          shape.set(
              random.nextInt(shape.size()),
              random.nextBoolean()
                  ? new JsonPrimitive(Json.number(random))
                  : new JsonPrimitive(random.nextInt(40)));
        }
      }
      default -> {
        header.remove(name);
        String other = names[random.nextInt(names.length)];
        int cut = random.nextInt(name.length() + 1);
        header.add(
            random.nextBoolean() ? name.substring(0, cut) + Json.text(random) : other + "x",
            tensor);
      }
    }
  }

  /** Gives the tensors byte ranges that fit their shapes, if these are small. */
  private static byte[] laidOut(JsonObject header, byte[] data) {
    try {
      long end = 0;
      JsonObject changed = new JsonObject();
      for (Map.Entry<String, JsonElement> each : header.entrySet()) {
        if (!each.getKey().equals(METADATA)) {
          JsonObject tensor = each.getValue().getAsJsonObject().deepCopy();
          long size = bits(tensor.get("dtype").getAsString());
          for (JsonElement dimension : tensor.getAsJsonArray("shape")) {
            size = Math.multiplyExact(size, dimension.getAsLong());
          }
          if (size < 0 || size / 8 > MOST_DATA - end) {
            return data;
          }
          JsonArray offsets = new JsonArray();
          offsets.add(end);
          end += size / 8;
          offsets.add(end);
          tensor.add(OFFSETS, offsets);
          changed.add(each.getKey(), tensor);
        }
      }
      changed.entrySet().forEach(each -> header.add(each.getKey(), each.getValue()));
      return Arrays.copyOf(data, (int) end);
    } catch (RuntimeException e) {
      return data;
    }
  }

  private static long bits(String dtype) {
    return switch (dtype) {
      case "F64", "I64", "U64", "C64" -> 64;
      case "F32", "I32", "U32" -> 32;
      case "F16", "BF16", "I16", "U16" -> 16;
      case "F4" -> 4;
      default -> 8;
    };
  }
}
