package dev.ablation.safetensors;

import ai.djl.ndarray.types.Shape;
import dev.ablation.internal.JsonFormatException;
import dev.ablation.internal.StrictJson;
import dev.ablation.safetensors.MalformedSafetensorsException.Rule;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The header of a file, read and checked. Everything that the reference reader refuses is refused;
 * so is what it takes although two parsers could understand it differently: names that come twice,
 * entries or formats in another JSON form, blanks before the header.
 *
 * @param metadata the strings of {@code __metadata__}, in the order of the file
 * @param tensors by name, in the order of the file
 * @param dataStart first byte of the data
 */
record SafetensorsHeader(
    Map<String, String> metadata, Map<String, TensorEntry> tensors, long dataStart) {

  static final String METADATA_KEY = "__metadata__";
  static final long MAX_BYTES = 100_000_000;

  private static final int PREFIX = 8;

  static SafetensorsHeader read(Path path, FileChannel channel) throws IOException {
    return new Parser(path, channel).read();
  }

  /** Reads from {@code position} until the buffer is full. */
  static void readFully(Path path, FileChannel channel, ByteBuffer buffer, long position)
      throws IOException {
    long at = position;
    while (buffer.hasRemaining()) {
      int count = channel.read(buffer, at);
      if (count < 0) {
        throw new EOFException(path + " became shorter while it was read: no byte at " + at);
      }
      at += count;
    }
  }

  private static final class Parser {
    private final Path path;
    private final FileChannel channel;
    private final Map<String, String> metadata = new LinkedHashMap<>();
    private final Map<String, RawEntry> entries = new LinkedHashMap<>();

    Parser(Path path, FileChannel channel) {
      this.path = path;
      this.channel = channel;
    }

    SafetensorsHeader read() throws IOException {
      long fileSize = channel.size();
      byte[] start = new byte[(int) Math.min(fileSize, 32)];
      readFully(path, channel, ByteBuffer.wrap(start), 0);
      try {
        return read(fileSize, start);
      } catch (MalformedSafetensorsException e) {
        // Only now: the length of a sound header may happen to spell another format's magic bytes.
        boolean looksSound = start.length > PREFIX && start[PREFIX] == '{';
        String other = looksSound ? null : ForeignFormats.recognise(start);
        throw other != null ? malformed(Rule.NOT_SAFETENSORS, other) : e;
      }
    }

    private SafetensorsHeader read(long fileSize, byte[] start) throws IOException {
      if (fileSize < PREFIX) {
        throw malformed(Rule.LENGTH_PREFIX, "it has " + fileSize + " bytes, fewer than 8");
      }
      long length = ByteBuffer.wrap(start).order(ByteOrder.LITTLE_ENDIAN).getLong(0);
      if (Long.compareUnsigned(length, MAX_BYTES) > 0) {
        throw malformed(
            Rule.HEADER_TOO_LARGE,
            "its header would have "
                + Long.toUnsignedString(length)
                + " bytes, more than "
                + MAX_BYTES);
      }
      if (length > fileSize - PREFIX) {
        throw malformed(
            Rule.HEADER_LENGTH,
            "its header would have " + length + " bytes, the whole file has " + fileSize);
      }
      parse(text((int) length));
      long dataStart = PREFIX + length;
      return new SafetensorsHeader(
          Collections.unmodifiableMap(metadata),
          Collections.unmodifiableMap(check(fileSize - dataStart)),
          dataStart);
    }

    private String text(int length) throws IOException {
      ByteBuffer bytes = ByteBuffer.allocate(length);
      readFully(path, channel, bytes, PREFIX);
      try {
        return StandardCharsets.UTF_8.newDecoder().decode(bytes.flip()).toString();
      } catch (CharacterCodingException e) {
        throw malformed(Rule.HEADER_UTF8, "its header is not UTF-8: " + e.getMessage());
      }
    }

    private void parse(String header) throws IOException {
      if (!header.startsWith("{")) {
        throw malformed(Rule.HEADER_JSON, "its header does not begin with {");
      }
      StrictJson json = new StrictJson(header);
      try {
        json.object(key -> {
          if (key.equals(METADATA_KEY)) {
            parseMetadata(json);
          } else {
            entries.put(key, parseEntry(json, key));
          }
        });
        json.end();
      } catch (JsonFormatException e) {
        throw malformed(
            e.kind() == JsonFormatException.Kind.DUPLICATE_KEY
                ? Rule.DUPLICATE_KEY
                : Rule.HEADER_JSON,
            "in its header, " + e.getMessage());
      }
    }

    private void parseMetadata(StrictJson json) throws IOException {
      switch (json.peek()) {
        case NULL -> json.nul();
        case OBJECT ->
            json.object(key -> {
              require(
                  json,
                  StrictJson.Type.STRING,
                  Rule.METADATA,
                  () -> "the metadata \"" + key + "\"");
              metadata.put(key, json.string());
            });
        default ->
            throw malformed(
                Rule.METADATA, METADATA_KEY + " must be an object or null, was " + json.peek());
      }
    }

    private RawEntry parseEntry(StrictJson json, String name) throws IOException {
      require(json, StrictJson.Type.OBJECT, Rule.FIELDS, () -> "the entry of " + quote(name));
      RawEntry entry = new RawEntry(name);
      json.object(field -> {
        switch (field) {
          case "dtype" -> entry.dtype = parseDtype(json, name);
          case "shape" -> entry.shape = parseIntegers(json, Rule.SHAPE, "shape", name);
          case "data_offsets" -> {
            long[] offsets = parseIntegers(json, Rule.OFFSETS, "data_offsets", name);
            if (offsets.length != 2) {
              throw malformed(
                  Rule.OFFSETS,
                  "data_offsets of "
                      + quote(name)
                      + " must be two numbers, were "
                      + offsets.length);
            }
            entry.offsets = offsets;
          }
          default -> json.skip();
        }
      });
      if (entry.dtype == null || entry.shape == null || entry.offsets == null) {
        String missing =
            entry.dtype == null ? "dtype" : entry.shape == null ? "shape" : "data_offsets";
        throw malformed(Rule.FIELDS, "the entry of " + quote(name) + " has no " + missing);
      }
      return entry;
    }

    private Dtype parseDtype(StrictJson json, String name) throws IOException {
      require(json, StrictJson.Type.STRING, Rule.DTYPE, () -> "dtype of " + quote(name));
      String text = json.string();
      Dtype dtype = Dtype.byName(text);
      if (dtype == null) {
        throw malformed(
            Rule.DTYPE,
            "dtype of "
                + quote(name)
                + " must be one of "
                + Arrays.toString(Dtype.values())
                + ", was "
                + quote(text));
      }
      return dtype;
    }

    /** Reads a list of integers in [0, 2^64), as unsigned longs. */
    private long[] parseIntegers(StrictJson json, Rule rule, String field, String name)
        throws IOException {
      require(json, StrictJson.Type.ARRAY, rule, () -> field + " of " + quote(name));
      List<Long> values = new ArrayList<>();
      json.array(index -> {
        require(
            json, StrictJson.Type.NUMBER, rule, () -> field + "[" + index + "] of " + quote(name));
        values.add(unsigned(json.number(), rule, field, name));
      });
      return values.stream().mapToLong(Long::longValue).toArray();
    }

    private long unsigned(String literal, Rule rule, String field, String name)
        throws MalformedSafetensorsException {
      if (literal.chars().allMatch(c -> c >= '0' && c <= '9')) {
        try {
          return Long.parseUnsignedLong(literal);
        } catch (NumberFormatException e) {
          // Falls through: 2^64 or more.
        }
      }
      throw malformed(
          rule,
          field
              + " of "
              + quote(name)
              + " must hold integers from 0 to 2^64-1 without fraction or exponent, has "
              + literal);
    }

    private Map<String, TensorEntry> check(long dataSize) throws MalformedSafetensorsException {
      List<RawEntry> sorted = new ArrayList<>(entries.values());
      sorted.sort(
          Comparator.comparing(RawEntry::begin, Long::compareUnsigned)
              .thenComparing(RawEntry::end, Long::compareUnsigned));
      long covered = 0;
      for (RawEntry entry : sorted) {
        if (entry.begin() != covered || Long.compareUnsigned(entry.end(), entry.begin()) < 0) {
          throw malformed(
              Rule.COVERAGE,
              "the range ["
                  + Long.toUnsignedString(entry.begin())
                  + ", "
                  + Long.toUnsignedString(entry.end())
                  + ") of "
                  + quote(entry.name)
                  + " should begin at "
                  + Long.toUnsignedString(covered)
                  + ", where the one before ends, and not end before it begins");
        }
        checkSize(entry);
        covered = entry.end();
      }
      if (covered != dataSize) {
        throw malformed(
            Rule.COVERAGE,
            "its tensors take "
                + Long.toUnsignedString(covered)
                + " bytes, but "
                + dataSize
                + " follow the header");
      }
      Map<String, TensorEntry> tensors = new LinkedHashMap<>();
      entries.forEach((name, entry) -> tensors.put(name, entry.checked()));
      return tensors;
    }

    private void checkSize(RawEntry entry) throws MalformedSafetensorsException {
      long bits = 1;
      boolean empty = false;
      for (long dimension : entry.shape()) {
        empty |= dimension == 0;
        // Engines multiply the other dimensions of an empty tensor too, for its strides.
        bits = multiply(bits, dimension == 0 ? 1 : dimension, entry);
      }
      bits = multiply(bits, entry.dtype().bits(), entry);
      bits = empty ? 0 : bits;
      if (bits % 8 != 0) {
        throw malformed(
            Rule.MISALIGNED, quote(entry.name) + " takes " + bits + " bits, no whole bytes");
      }
      long size = entry.end() - entry.begin();
      if (size != bits / 8) {
        throw malformed(
            Rule.SIZE,
            "the range of "
                + quote(entry.name)
                + " has "
                + Long.toUnsignedString(size)
                + " bytes, "
                + entry.dtype()
                + " of shape "
                + Arrays.toString(entry.shape())
                + " takes "
                + bits / 8);
      }
    }

    /** Multiplies within 63 bits: more than any file has, and arrays have signed dimensions. */
    private long multiply(long product, long factor, RawEntry entry)
        throws MalformedSafetensorsException {
      if (factor >= 0) {
        try {
          return Math.multiplyExact(product, factor);
        } catch (ArithmeticException e) {
          // Falls through.
        }
      }
      throw malformed(
          Rule.OVERFLOW, "the dimensions of " + quote(entry.name) + " are too large to multiply");
    }

    private interface Description {
      String text();
    }

    private void require(StrictJson json, StrictJson.Type type, Rule rule, Description what)
        throws IOException {
      StrictJson.Type actual = json.peek();
      if (actual != type) {
        throw malformed(rule, what.text() + " must be a JSON " + type + ", was " + actual);
      }
    }

    private MalformedSafetensorsException malformed(Rule rule, String detail) {
      return new MalformedSafetensorsException(path, rule, detail);
    }

    private static String quote(String name) {
      return "'" + name + "'";
    }
  }

  /** An entry as in the header, with unsigned integers. */
  private static final class RawEntry {
    private final String name;
    private @Nullable Dtype dtype;
    private long @Nullable [] shape;
    private long @Nullable [] offsets;

    RawEntry(String name) {
      this.name = name;
    }

    Dtype dtype() {
      return Objects.requireNonNull(dtype);
    }

    long[] shape() {
      return Objects.requireNonNull(shape);
    }

    long begin() {
      return Objects.requireNonNull(offsets)[0];
    }

    long end() {
      return Objects.requireNonNull(offsets)[1];
    }

    TensorEntry checked() {
      return new TensorEntry(name, dtype(), new Shape(shape()), begin(), end());
    }
  }
}
