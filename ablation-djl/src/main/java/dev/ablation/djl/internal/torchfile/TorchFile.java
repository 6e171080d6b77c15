package dev.ablation.djl.internal.torchfile;

import dev.ablation.internal.FileReading;
import dev.ablation.safetensors.Dtype;
import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipException;
import java.util.zip.ZipFile;
import org.jspecify.annotations.Nullable;

/**
 * A file of {@code torch.save}: a zip archive with a pickle and its storages, or in the format
 * before version 1.6 several pickles followed by the storages. The values are read when the file is
 * opened, the numbers of tensors when they are asked for.
 */
public final class TorchFile implements AutoCloseable {
  private static final long MAX_PICKLE = 64 << 20;
  private static final int MAX_DEPTH = 64;
  private static final int MAX_VALUES = 100_000;
  private static final int MAX_NAME = 10_000;

  /** The first bytes of a legacy file: protocol 2, LONG1 of ten bytes, the magic number. */
  private static final byte[] LEGACY = {
    (byte) 0x80,
    2,
    (byte) 0x8a,
    10,
    0x6c,
    (byte) 0xfc,
    (byte) 0x9c,
    0x46,
    (byte) 0xf9,
    0x20,
    0x6a,
    (byte) 0xa8,
    0x50,
    0x19,
    '.'
  };

  private static final int TAR_MAGIC_AT = 257;
  private static final Pattern KEY = Pattern.compile("[0-9]{1,18}");

  private final Path path;
  private final Closeable source;
  private final @Nullable Object value;

  private TorchFile(Path path, Closeable source, @Nullable Object value) {
    this.path = path;
    this.source = source;
    this.value = value;
  }

  /**
   * Opens a file.
   *
   * @param file of {@code torch.save}
   * @return the file, closed by the caller
   * @throws IOException if it cannot be read, is damaged or holds anything else than tensors in
   *     dictionaries, lists, texts and numbers; the message names the file and what was found
   */
  public static TorchFile open(Path file) throws IOException {
    return FileReading.of(file, () -> opened(file));
  }

  private static TorchFile opened(Path file) throws IOException {
    byte[] start;
    try (InputStream in = Files.newInputStream(file)) {
      start = in.readNBytes(TAR_MAGIC_AT + 5);
    }
    if (start.length > 3 && start[0] == 'P' && start[1] == 'K' && start[2] == 3 && start[3] == 4) {
      return zip(file);
    }
    if (start.length >= LEGACY.length
        && Arrays.equals(start, 0, LEGACY.length, LEGACY, 0, LEGACY.length)) {
      return legacy(file);
    }
    if (start.length == TAR_MAGIC_AT + 5
        && new String(start, TAR_MAGIC_AT, 5, StandardCharsets.US_ASCII).equals("ustar")) {
      throw new PickleException(
          "it is a tar archive, as torch.save wrote before version 0.4; save it again with a newer"
              + " version");
    }
    throw new PickleException(
        "it is no file of torch.save: neither a zip archive nor the format before version 1.6");
  }

  // The format since version 1.6

  private static TorchFile zip(Path file) throws IOException {
    ZipFile zip = openZip(file);
    try {
      Archive archive = new Archive(zip, Files.size(file));
      ZipEntry pickle = archive.require("data.pkl");
      if (pickle.getSize() > MAX_PICKLE) {
        throw new PickleException(
            "its pickle must have at most " + MAX_PICKLE + " bytes, has " + pickle.getSize());
      }
      PickleReader reader = new PickleReader(ByteBuffer.wrap(archive.read(pickle)), archive);
      return new TorchFile(file, zip, reader.read());
    } catch (IOException | RuntimeException e) {
      zip.close();
      throw e;
    }
  }

  private static ZipFile openZip(Path file) throws IOException {
    try {
      return new ZipFile(file.toFile());
    } catch (ZipException e) {
      throw new IOException(
          file + ": is no complete zip archive, perhaps cut off: " + e.getMessage(), e);
    }
  }

  /** The entries of an archive, all of them checked before one is read. */
  private static final class Archive implements PickleReader.Storages {
    private final ZipFile zip;
    private final Map<String, ZipEntry> entries = new HashMap<>();
    private final Map<String, TorchStorage> storages = new HashMap<>();
    private final boolean bigEndian;

    Archive(ZipFile zip, long fileSize) throws IOException {
      this.zip = zip;
      String root = null;
      long total = 0;
      for (ZipEntry entry : Collections.list(zip.entries())) {
        String name = entry.getName();
        int slash = name.indexOf('/');
        if (slash < 1 || name.contains("..") || name.contains("\\")) {
          throw new PickleException("an entry must lie in a folder, was " + Symbol.printable(name));
        }
        if (root != null && !root.equals(name.substring(0, slash))) {
          throw new PickleException("all entries must lie in one folder");
        }
        root = name.substring(0, slash);
        if (entry.getMethod() != ZipEntry.STORED || entry.getSize() != entry.getCompressedSize()) {
          throw new PickleException("entries must not be compressed, as torch.save writes them");
        }
        total = Math.addExact(total, Math.max(0, entry.getSize()));
        if (entry.getSize() < 0 || total > fileSize) {
          throw new PickleException("the entries must not be larger than the file");
        }
        if (entries.put(name.substring(slash + 1), entry) != null) {
          throw new PickleException("entry " + Symbol.printable(name) + " is there twice");
        }
      }
      bigEndian =
          entries.containsKey("byteorder")
              && new String(read(require("byteorder")), StandardCharsets.US_ASCII)
                  .strip()
                  .equals("big");
    }

    ZipEntry require(String name) {
      ZipEntry entry = entries.get(name);
      if (entry == null) {
        throw new PickleException(
            "it has no entry " + name + ": it is a zip archive, but not one of torch.save");
      }
      return entry;
    }

    byte[] read(ZipEntry entry) throws IOException {
      byte[] bytes;
      try (InputStream in = zip.getInputStream(entry)) {
        bytes = in.readNBytes(Math.toIntExact(entry.getSize()));
      }
      CRC32 sum = new CRC32();
      sum.update(bytes);
      if (bytes.length != entry.getSize() || sum.getValue() != entry.getCrc()) {
        throw new IOException(
            "%s: entry %s differs from its checksum: the file is damaged"
                .formatted(zip.getName(), Symbol.printable(entry.getName())));
      }
      return bytes;
    }

    @Override
    public TorchStorage find(Symbol type, String key, long elements) {
      if (!KEY.matcher(key).matches()) {
        throw new PickleException(
            "the key of a storage must be a number, was " + Symbol.printable(key));
      }
      ZipEntry entry = require("data/" + key);
      Dtype dtype = type.dtype().orElseThrow();
      if (elements < 0
          || elements != entry.getSize() * Byte.SIZE / dtype.bits()
          || entry.getSize() * Byte.SIZE % dtype.bits() != 0) {
        throw new PickleException(
            "storage %s of %d numbers of type %s must have as many bytes, has %d"
                .formatted(key, elements, dtype, entry.getSize()));
      }
      return storages.computeIfAbsent(
          key + " " + dtype,
          name -> new TorchStorage(dtype, elements, bigEndian, () -> read(entry)));
    }
  }

  // The format before version 1.6

  private static TorchFile legacy(Path file) throws IOException {
    FileChannel channel = FileChannel.open(file, StandardOpenOption.READ);
    try {
      long size = channel.size();
      ByteBuffer in = channel.map(FileChannel.MapMode.READ_ONLY, 0, Math.min(size, MAX_PICKLE));
      LegacyStorages storages = new LegacyStorages(channel);
      new PickleReader(in, storages).read();
      Object version = new PickleReader(in, storages).read();
      if (!Long.valueOf(1001).equals(version)) {
        throw new PickleException("its version must be 1001, was " + describe(version));
      }
      Object system = new PickleReader(in, storages).read();
      boolean little =
          system instanceof Map<?, ?> map && !Boolean.FALSE.equals(map.get("little_endian"));
      storages.bigEndian = !little;
      Object value = new PickleReader(in, storages).read();
      Object keys = new PickleReader(in, storages).read();
      storages.place(keys, in.position(), size);
      return new TorchFile(file, channel, value);
    } catch (IOException | RuntimeException e) {
      channel.close();
      throw e;
    }
  }

  private static String describe(@Nullable Object value) {
    return value instanceof Long number ? number.toString() : "something else";
  }

  /** Storages that follow the pickles, in the order of the last of them. */
  private static final class LegacyStorages implements PickleReader.Storages {
    private final FileChannel channel;
    private final Map<String, TorchStorage> storages = new LinkedHashMap<>();
    private final Map<String, Long> positions = new HashMap<>();
    private boolean bigEndian;

    LegacyStorages(FileChannel channel) {
      this.channel = channel;
    }

    @Override
    public TorchStorage find(Symbol type, String key, long elements) {
      Dtype dtype = type.dtype().orElseThrow();
      TorchStorage storage =
          storages.computeIfAbsent(
              key, name -> new TorchStorage(dtype, elements, bigEndian, () -> read(name, dtype)));
      if (storage.dtype() != dtype || storage.elements() != elements || elements < 0) {
        throw new PickleException("storage " + Symbol.printable(key) + " is described in two ways");
      }
      return storage;
    }

    void place(@Nullable Object keys, long from, long size) throws IOException {
      List<?> list = keys instanceof List<?> items ? items : List.of();
      Set<Object> found = new HashSet<>();
      long at = from;
      for (Object key : list) {
        TorchStorage storage = key instanceof String name ? storages.get(name) : null;
        if (storage == null || !found.add(key)) {
          throw new PickleException("its list of storages is not that of its tensors");
        }
        ByteBuffer count = ByteBuffer.allocate(Long.BYTES);
        readFully(count, at);
        long elements =
            count.order(bigEndian ? ByteOrder.BIG_ENDIAN : ByteOrder.LITTLE_ENDIAN).getLong(0);
        long bytes = Math.multiplyExact(elements, storage.dtype().bits() / (long) Byte.SIZE);
        at += Long.BYTES;
        if (elements != storage.elements() || bytes < 0 || bytes > size - at) {
          throw new PickleException(
              "storage %s of %d numbers must be there, the file has %d bytes for it"
                  .formatted(
                      Symbol.printable((String) key), storage.elements(), Math.max(0, size - at)));
        }
        positions.put((String) key, at);
        at += bytes;
      }
      if (found.size() != storages.size()) {
        throw new PickleException("its list of storages is not that of its tensors");
      }
    }

    private byte[] read(String key, Dtype dtype) throws IOException {
      TorchStorage storage = storages.get(key);
      Long at = positions.get(key);
      if (storage == null || at == null) {
        throw new PickleException("storage " + Symbol.printable(key) + " is not there");
      }
      int bytes = Math.toIntExact(storage.elements() * (dtype.bits() / Byte.SIZE));
      ByteBuffer buffer = ByteBuffer.allocate(bytes);
      readFully(buffer, at);
      return buffer.array();
    }

    private void readFully(ByteBuffer buffer, long from) throws IOException {
      long at = from;
      while (buffer.hasRemaining()) {
        int read = channel.read(buffer, at);
        if (read < 0) {
          throw new PickleException("it is cut off among its storages");
        }
        at += read;
      }
    }
  }

  // Content

  /** {@return the file's path} */
  public Path path() {
    return path;
  }

  /**
   * Returns a value in nested dictionaries.
   *
   * @param keys from the outermost dictionary inwards; none for the file's own value
   * @return a map, list, text, number, {@link TorchTensor} or null; null also if it is not there
   */
  public @Nullable Object get(String... keys) {
    Object at = value;
    for (String key : keys) {
      at = at instanceof Map<?, ?> map ? map.get(key) : null;
    }
    return at;
  }

  /**
   * Returns all tensors in nested dictionaries.
   *
   * @param separator between the keys of dictionaries within each other
   * @return by the joined keys, in the order of the file
   * @throws PickleException if dictionaries nest without end
   */
  public Map<String, TorchTensor> tensors(String separator) {
    Map<String, TorchTensor> tensors = new LinkedHashMap<>();
    if (collect("", value, separator, tensors, 0) > MAX_VALUES) {
      throw new PickleException(
          "its dictionaries must have at most " + MAX_VALUES + " values, all together");
    }
    return tensors;
  }

  /** Dictionaries may be shared, so their number alone bounds nothing: counts what is visited. */
  private static int collect(
      String name,
      @Nullable Object value,
      String separator,
      Map<String, TorchTensor> into,
      int depth) {
    int visited = 1;
    if (value instanceof TorchTensor tensor) {
      into.put(name, tensor);
    } else if (value instanceof Map<?, ?> map) {
      if (depth >= MAX_DEPTH) {
        throw new PickleException("its dictionaries must not nest deeper than " + MAX_DEPTH);
      }
      String prefix = name.isEmpty() ? "" : name + separator;
      for (Map.Entry<?, ?> entry : map.entrySet()) {
        if (visited <= MAX_VALUES && name.length() <= MAX_NAME) {
          visited += collect(prefix + entry.getKey(), entry.getValue(), separator, into, depth + 1);
        }
      }
    }
    return visited;
  }

  /** Closes the file. Numbers of tensors cannot be read afterwards. */
  @Override
  public void close() throws IOException {
    source.close();
  }
}
