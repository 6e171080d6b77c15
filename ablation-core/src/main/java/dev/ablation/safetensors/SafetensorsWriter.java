package dev.ablation.safetensors;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.Shape;
import dev.ablation.internal.AtomicFiles;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.CharBuffer;
import java.nio.channels.WritableByteChannel;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Writes safetensors files. The same tensors and metadata always give the same bytes, whatever
 * their order: tensors lie as the reference implementation lays them (wide formats first, then by
 * name), metadata is sorted, the header is padded to a multiple of 8 bytes.
 *
 * <p>Files appear whole or not at all, and are read back by any safetensors reader. At no time more
 * than a few megabytes are held in memory. The metadata {@code format = pt}, without which some
 * Python tools refuse a file, is added unless another format is given.
 *
 * {@snippet class="dev.ablation.Snippets" region="safetensors-write"}
 */
public final class SafetensorsWriter {

  private static final String FORMAT_KEY = "format";

  private SafetensorsWriter() {}

  /**
   * Writes arrays with the default options.
   *
   * @param target the file; its folder must exist
   * @param arrays by name; the caller keeps ownership. Types as for {@link TensorSource#of}.
   * @param metadata strings to store beside them
   * @throws IllegalArgumentException if an array's type or a name cannot be written
   * @throws IOException if the file cannot be written
   */
  public static void write(
      Path target, Map<String, ? extends NDArray> arrays, Map<String, String> metadata)
      throws IOException {
    write(target, arrays, metadata, WriteOptions.defaults());
  }

  /**
   * Writes arrays.
   *
   * @param target the file; its folder must exist
   * @param arrays by name; the caller keeps ownership. Types as for {@link TensorSource#of}.
   * @param metadata strings to store beside them
   * @param options formats, and what to do about an existing file
   * @throws IllegalArgumentException if an array's type or a name cannot be written
   * @throws ArithmeticException if a finite number is too large for the requested format
   * @throws java.nio.file.FileAlreadyExistsException if the file exists and is not to be replaced
   * @throws IOException if the file cannot be written
   */
  public static void write(
      Path target,
      Map<String, ? extends NDArray> arrays,
      Map<String, String> metadata,
      WriteOptions options)
      throws IOException {
    Map<String, TensorSource> sources = new LinkedHashMap<>();
    arrays.forEach((name, array) -> sources.put(name, TensorSource.of(array)));
    writeSources(target, sources, metadata, options);
  }

  /**
   * Writes tensors that deliver their bytes one after the other, in the order of the file.
   *
   * @param target the file; its folder must exist. Where the system lets open files be replaced
   *     (not on Windows) it may be the file that sources read from.
   * @param sources by name
   * @param metadata strings to store beside them
   * @param options formats, and what to do about an existing file
   * @throws IllegalArgumentException if a name cannot be written or the header gets too large
   * @throws ArithmeticException if a finite number is too large for the requested format
   * @throws java.nio.file.FileAlreadyExistsException if the file exists and is not to be replaced
   * @throws IOException if a source fails, or delivers another number of bytes than its shape and
   *     format take, or the file cannot be written
   */
  public static void writeSources(
      Path target,
      Map<String, ? extends TensorSource> sources,
      Map<String, String> metadata,
      WriteOptions options)
      throws IOException {
    List<Item> items = layOut(sources, options);
    ByteBuffer header = header(items, metadata);
    AtomicFiles.writeFile(target, options.existing(), channel -> writeTo(channel, header, items));
  }

  /**
   * Writes tensors as the bytes of a file.
   *
   * @param out receives the bytes; not closed
   * @param sources by name
   * @param metadata strings to store beside them
   * @throws IllegalArgumentException if a name cannot be written or the header gets too large
   * @throws IOException if a source or {@code out} fails
   */
  public static void writeSources(
      WritableByteChannel out,
      Map<String, ? extends TensorSource> sources,
      Map<String, String> metadata)
      throws IOException {
    List<Item> items = layOut(sources, WriteOptions.defaults());
    writeTo(out, header(items, metadata), items);
  }

  private static void writeTo(WritableByteChannel out, ByteBuffer header, List<Item> items)
      throws IOException {
    writeFully(out, header);
    for (Item item : items) {
      item.writeTo(out);
    }
  }

  /** Sorts as the reference implementation does and assigns the ranges. */
  static List<Item> layOut(Map<String, ? extends TensorSource> sources, WriteOptions options) {
    List<Item> items = new ArrayList<>();
    sources.forEach((name, source) -> {
      if (name.equals(SafetensorsHeader.METADATA_KEY)) {
        throw new IllegalArgumentException(
            "name must not be " + name + ", which is kept for metadata");
      }
      items.add(new Item(name, utf8(name), source, options.stored(source.dtype())));
    });
    items.sort(
        Comparator.comparing((Item item) -> item.stored)
            .reversed()
            .thenComparing((Item item) -> item.nameBytes, Arrays::compareUnsigned));
    long at = 0;
    for (Item item : items) {
      at = item.place(at);
    }
    return items;
  }

  /** Builds the length prefix and the padded header. */
  static ByteBuffer header(List<Item> items, Map<String, String> metadata) {
    Map<String, String> sorted =
        new TreeMap<>(Comparator.comparing(SafetensorsWriter::utf8, Arrays::compareUnsigned));
    sorted.put(FORMAT_KEY, "pt");
    sorted.putAll(metadata);
    StringBuilder json = new StringBuilder("{");
    quote(json, SafetensorsHeader.METADATA_KEY);
    json.append(":{");
    sorted.forEach((key, value) -> {
      quote(json, key);
      json.append(':');
      quote(json, value);
      json.append(',');
    });
    json.setLength(json.length() - 1);
    json.append('}');
    for (Item item : items) {
      json.append(',');
      quote(json, item.name);
      json.append(":{\"dtype\":\"").append(item.stored.name()).append("\",\"shape\":[");
      long[] dimensions = item.source.shape().getShape();
      for (int i = 0; i < dimensions.length; i++) {
        json.append(i == 0 ? "" : ",").append(dimensions[i]);
      }
      json.append("],\"data_offsets\":[").append(item.begin).append(',').append(item.end());
      json.append("]}");
    }
    json.append('}');
    byte[] bytes = utf8(json.toString());
    int length = (bytes.length + 7) & -8;
    if (length > SafetensorsHeader.MAX_BYTES) {
      throw new IllegalArgumentException(
          "the header must have at most "
              + SafetensorsHeader.MAX_BYTES
              + " bytes, would have "
              + length);
    }
    ByteBuffer buffer = ByteBuffer.allocate(8 + length).order(ByteOrder.LITTLE_ENDIAN);
    buffer.putLong(length).put(bytes);
    while (buffer.hasRemaining()) {
      buffer.put((byte) ' ');
    }
    return buffer.flip();
  }

  private static void quote(StringBuilder json, String text) {
    json.append('"');
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      switch (c) {
        case '"' -> json.append("\\\"");
        case '\\' -> json.append("\\\\");
        case '\b' -> json.append("\\b");
        case '\f' -> json.append("\\f");
        case '\n' -> json.append("\\n");
        case '\r' -> json.append("\\r");
        case '\t' -> json.append("\\t");
        default -> {
          if (c < 0x20) {
            json.append(String.format("\\u%04x", (int) c));
          } else {
            json.append(c);
          }
        }
      }
    }
    json.append('"');
  }

  private static byte[] utf8(String text) {
    try {
      ByteBuffer bytes = StandardCharsets.UTF_8.newEncoder().encode(CharBuffer.wrap(text));
      byte[] array = new byte[bytes.remaining()];
      bytes.get(array);
      return array;
    } catch (CharacterCodingException e) {
      throw new IllegalArgumentException(
          "names and metadata must be Unicode text, was one with half a surrogate pair", e);
    }
  }

  private static void writeFully(WritableByteChannel channel, ByteBuffer bytes) throws IOException {
    while (bytes.hasRemaining()) {
      channel.write(bytes);
    }
  }

  /** A tensor on its way into the file. */
  static final class Item {
    private final String name;
    private final byte[] nameBytes;
    private final TensorSource source;
    private final Dtype stored;
    private final long elements;
    private long begin;

    Item(String name, byte[] nameBytes, TensorSource source, Dtype stored) {
      this.name = name;
      this.nameBytes = nameBytes;
      this.source = source;
      this.stored = stored;
      this.elements = elements(name, source.shape(), stored);
    }

    private static long elements(String name, Shape shape, Dtype stored) {
      long count = 1;
      for (long dimension : shape.getShape()) {
        if (dimension < 0) {
          throw new IllegalArgumentException(
              "dimensions of '" + name + "' must not be negative, were " + shape);
        }
        count = Math.multiplyExact(count, dimension);
      }
      if (Math.multiplyExact(count, stored.bits()) % 8 != 0) {
        throw new IllegalArgumentException(
            "'" + name + "' must take whole bytes, was " + stored + " of shape " + shape);
      }
      return count;
    }

    private long place(long at) {
      begin = at;
      return end();
    }

    private long end() {
      return begin + byteSize(stored);
    }

    private long byteSize(Dtype dtype) {
      return elements * dtype.bits() / 8;
    }

    private void writeTo(WritableByteChannel channel) throws IOException {
      Counter counter = new Counter(channel);
      long expected = byteSize(source.dtype());
      if (stored == source.dtype()) {
        source.writeTo(counter);
      } else {
        FloatConverter converter = new FloatConverter(name, source.dtype(), stored, channel);
        counter = new Counter(converter);
        source.writeTo(counter);
        converter.flush();
      }
      if (counter.count != expected) {
        throw new IOException(
            "the source of '"
                + name
                + "' delivered "
                + counter.count
                + " bytes, "
                + source.dtype()
                + " of shape "
                + source.shape()
                + " takes "
                + expected);
      }
    }
  }

  /** Counts the bytes that pass through. */
  private static final class Counter implements WritableByteChannel {
    private final WritableByteChannel out;
    private long count;

    Counter(WritableByteChannel out) {
      this.out = out;
    }

    @Override
    public int write(ByteBuffer bytes) throws IOException {
      int written = out.write(bytes);
      count += written;
      return written;
    }

    @Override
    public boolean isOpen() {
      return out.isOpen();
    }

    @Override
    public void close() {
      // The file is closed by the one who opened it.
    }
  }
}
