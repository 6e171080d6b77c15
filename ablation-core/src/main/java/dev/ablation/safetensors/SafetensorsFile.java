package dev.ablation.safetensors;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.channels.WritableByteChannel;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A safetensors file, open for reading. Opening reads and checks the header alone; values are never
 * inspected, so NaN and infinities are read as they are.
 *
 * <p><b>Lifetime.</b> Arrays that were read belong to the manager that was given and stay valid
 * after the file is closed. With {@link Access#MAP} large arrays are mapped from the file,
 * privately: they take no memory until they are changed, and changing them never changes the file.
 * That has three consequences.
 *
 * <ul>
 *   <li>The file must not be cut or rewritten in place while arrays live. Replacing it by a move,
 *       as {@link SafetensorsWriter} does, is safe.
 *   <li>On Windows it cannot be deleted or replaced until the arrays are closed and the garbage
 *       collector has run.
 *   <li>As with every array that DJL makes from a Java buffer, a view of the array ({@code
 *       reshape}, {@code get}) must not outlive it.
 * </ul>
 *
 * <p>{@link Access#COPY} avoids all three. Either way the file itself is held open only until
 * {@link #close()}.
 *
 * <p>Safe for use by several threads, which take turns. Interrupting a thread that reads closes the
 * file, as with every {@link FileChannel}.
 *
 * {@snippet class="dev.ablation.Snippets" region="safetensors-read"}
 */
public final class SafetensorsFile implements AutoCloseable {

  /** How values get into arrays. */
  public enum Access {
    /**
     * Large tensors are mapped where the file can be opened for writing (which private mappings ask
     * for), the device is the CPU and the tensor is aligned; all else is copied.
     */
    MAP,
    /** Everything is copied into memory of the engine. */
    COPY
  }

  /** Smaller tensors are copied: a mapping costs a page and a system call, and few are allowed. */
  static final int MIN_MAPPED_BYTES = 64 << 10;

  private static final int PIECE_BYTES = 4 << 20;

  private final Path path;
  private final FileChannel channel;
  private final boolean mappable;
  private final SafetensorsHeader header;
  private final Object lock = new Object();
  private @Nullable ByteBuffer pieceIn;
  private @Nullable ByteBuffer pieceOut;

  private SafetensorsFile(
      Path path, FileChannel channel, boolean mappable, SafetensorsHeader header) {
    this.path = path;
    this.channel = channel;
    this.mappable = mappable;
    this.header = header;
  }

  /**
   * Opens a file with {@link Access#MAP}.
   *
   * @param path the file
   * @return the file, to be closed by the caller
   * @throws MalformedSafetensorsException if it is no sound safetensors file
   * @throws IOException if it cannot be read
   */
  public static SafetensorsFile open(Path path) throws IOException {
    return open(path, Access.MAP);
  }

  /**
   * Opens a file.
   *
   * @param path the file
   * @param access how values get into arrays
   * @return the file, to be closed by the caller
   * @throws MalformedSafetensorsException if it is no sound safetensors file
   * @throws IOException if it cannot be read
   */
  public static SafetensorsFile open(Path path, Access access) throws IOException {
    Objects.requireNonNull(access, "access");
    if (Files.isDirectory(path)) {
      throw new FileSystemException(path.toString(), null, "is a folder, not a safetensors file");
    }
    FileChannel writable = access == Access.MAP ? openWritable(path) : null;
    FileChannel channel =
        writable == null ? FileChannel.open(path, StandardOpenOption.READ) : writable;
    try {
      SafetensorsHeader header = SafetensorsHeader.read(path, channel);
      boolean mappable = writable != null && ByteOrder.nativeOrder() == ByteOrder.LITTLE_ENDIAN;
      return new SafetensorsFile(path, channel, mappable, header);
    } catch (IOException | RuntimeException | Error e) {
      try {
        channel.close();
      } catch (IOException suppressed) {
        e.addSuppressed(suppressed);
      }
      throw e;
    }
  }

  private static @Nullable FileChannel openWritable(Path path) throws IOException {
    try {
      return FileChannel.open(path, StandardOpenOption.READ, StandardOpenOption.WRITE);
    } catch (NoSuchFileException e) {
      throw e;
    } catch (IOException | UnsupportedOperationException e) {
      return null; // a read-only file or file system: it will be copied from
    }
  }

  /** {@return the file's path, as it was given} */
  public Path path() {
    return path;
  }

  /** {@return the strings of {@code __metadata__}, in the order of the file; unmodifiable} */
  public Map<String, String> metadata() {
    return header.metadata();
  }

  /** {@return the tensors by name, in the order of the header; unmodifiable} */
  public Map<String, TensorEntry> tensors() {
    return header.tensors();
  }

  /**
   * Returns one tensor's entry.
   *
   * @param name a tensor's name
   * @return its entry
   * @throws IllegalArgumentException if the file has no such tensor
   */
  public TensorEntry tensor(String name) {
    TensorEntry entry = header.tensors().get(name);
    if (entry == null) {
      throw new IllegalArgumentException("name must be a tensor of " + path + ", was " + name);
    }
    return entry;
  }

  /**
   * Reads a tensor without conversion.
   *
   * @param name a tensor's name
   * @param manager owner of the result; the result is on its device
   * @return an array of the tensor's shape and format; booleans other than 0 become true
   * @throws IllegalArgumentException if the file has no such tensor
   * @throws UnsupportedOperationException if arrays cannot hold its format, see {@link
   *     Dtype#arrayType()}; {@link #readFloat32} may read it
   * @throws IllegalStateException if the file was closed
   * @throws IOException if reading fails
   */
  public NDArray read(String name, NDManager manager) throws IOException {
    TensorEntry entry = tensor(name);
    DataType type = entry.dtype().arrayType().orElse(null);
    if (type == null) {
      throw new UnsupportedOperationException(
          "'"
              + name
              + "' of "
              + path
              + " is "
              + entry.dtype()
              + ", which arrays cannot hold; "
              + (entry.dtype().isReadableAsFloat32()
                  ? "readFloat32 widens it"
                  : "readBytes gives its bytes"));
    }
    synchronized (lock) {
      NDArray mapped = tryMap(entry, type, entry.dtype().bytes(), manager);
      return mapped != null ? mapped : copy(entry, type, manager);
    }
  }

  /**
   * Reads a tensor's bytes as an array of 8-bit integers, for formats that arrays cannot hold, such
   * as bfloat16. As with {@link #read} large tensors are mapped where possible.
   *
   * @param name a tensor's name
   * @param manager owner of the result; the result is on its device
   * @return the bytes in row-major order, int8 of one axis
   * @throws IllegalArgumentException if the file has no such tensor
   * @throws IllegalStateException if the file was closed
   * @throws IOException if reading fails
   */
  public NDArray readBytes(String name, NDManager manager) throws IOException {
    TensorEntry entry = tensor(name);
    TensorEntry bytes =
        new TensorEntry(name, Dtype.I8, new Shape(entry.byteSize()), entry.begin(), entry.end());
    int alignment = Math.max(1, entry.dtype().bytes());
    synchronized (lock) {
      NDArray mapped = tryMap(bytes, DataType.INT8, alignment, manager);
      return mapped != null ? mapped : copy(bytes, DataType.INT8, manager);
    }
  }

  /**
   * Reads a tensor as float32. Narrower floats, bytes and 16-bit integers are widened exactly,
   * false and true become 0 and 1; float64 and wider integers are rounded to the nearest float.
   *
   * @param name a tensor's name
   * @param manager owner of the result; the result is on its device
   * @return a float32 array of the tensor's shape
   * @throws IllegalArgumentException if the file has no such tensor
   * @throws UnsupportedOperationException if its format is one of the rare ones that {@link
   *     Dtype#isReadableAsFloat32()} excludes
   * @throws IllegalStateException if the file was closed
   * @throws IOException if reading fails
   */
  public NDArray readFloat32(String name, NDManager manager) throws IOException {
    TensorEntry entry = tensor(name);
    if (!entry.dtype().isReadableAsFloat32()) {
      throw new UnsupportedOperationException(
          "'"
              + name
              + "' of "
              + path
              + " is "
              + entry.dtype()
              + ", which is not read as float32; readBytes gives its bytes");
    }
    if (entry.dtype() == Dtype.F32) {
      return read(name, manager);
    }
    synchronized (lock) {
      return copy(entry, DataType.FLOAT32, manager);
    }
  }

  /**
   * Reads some of a tensor's bytes, as they are in the file, until the buffer is full.
   *
   * @param name a tensor's name
   * @param position first byte, counted from the beginning of the tensor
   * @param target filled from its position to its limit
   * @throws IllegalArgumentException if the file has no such tensor or the tensor not so many bytes
   * @throws IllegalStateException if the file was closed
   * @throws IOException if reading fails
   */
  public void readBytes(String name, long position, ByteBuffer target) throws IOException {
    TensorEntry entry = tensor(name);
    if (position < 0 || position > entry.byteSize() - target.remaining()) {
      throw new IllegalArgumentException(
          "position must lie in '"
              + name
              + "' of "
              + entry.byteSize()
              + " bytes, was "
              + position
              + " for "
              + target.remaining()
              + " bytes");
    }
    checkOpen();
    SafetensorsHeader.readFully(
        path, channel, target, header.dataStart() + entry.begin() + position);
  }

  /**
   * Returns a source that copies a tensor's bytes from this file, which must stay open until then.
   *
   * @param name a tensor's name
   * @return the source
   * @throws IllegalArgumentException if the file has no such tensor
   */
  public TensorSource source(String name) {
    return new FileSource(this, tensor(name));
  }

  /** Closes the file. Arrays that were read stay valid. Closing twice does nothing. */
  @Override
  public void close() throws IOException {
    channel.close();
  }

  private void checkOpen() {
    if (!channel.isOpen()) {
      throw new IllegalStateException(path + " must be open to be read, but was closed");
    }
  }

  /** Maps a tensor, or returns {@code null} if it must be copied. */
  private @Nullable NDArray tryMap(
      TensorEntry entry, DataType type, int alignment, NDManager manager) {
    checkOpen();
    long start = header.dataStart() + entry.begin();
    if (!mappable
        || entry.byteSize() < MIN_MAPPED_BYTES
        || entry.byteSize() > Integer.MAX_VALUE
        || entry.dtype() == Dtype.BOOL // bytes other than 0 and 1 must not get into an array
        || start % alignment != 0
        || !Device.Type.CPU.equals(manager.getDevice().getDeviceType())) {
      return null;
    }
    ByteBuffer buffer;
    try {
      buffer = channel.map(FileChannel.MapMode.PRIVATE, start, entry.byteSize());
    } catch (IOException | UnsupportedOperationException e) {
      return null; // too many mappings, or a file system that has none
    }
    return manager.create(buffer.order(ByteOrder.nativeOrder()), entry.shape(), type);
  }

  /** Copies a tensor piece by piece, widening it to {@code type} if that is not its own. */
  private NDArray copy(TensorEntry entry, DataType type, NDManager manager) throws IOException {
    checkOpen();
    long count = entry.elementCount();
    int in = entry.dtype().bytes();
    int out = type.getNumOfBytes();
    int pieceLength = PIECE_BYTES / Math.max(in, out);
    if (count == 0) {
      return manager.create(entry.shape(), type);
    }
    if (count <= pieceLength) {
      try (NDManager scratch = manager.newSubManager();
          NDArray piece = piece(entry, 0, (int) count, type, entry.shape(), scratch)) {
        // The piece may share the buffer that the next read will fill.
        NDArray result = piece.duplicate();
        result.attach(manager);
        return result;
      }
    }
    NDArray result = manager.create(entry.shape(), type);
    try (NDManager scratch = manager.newSubManager();
        NDArray flat = result.reshape(-1)) {
      flat.attach(scratch);
      for (long at = 0; at < count; at += pieceLength) {
        int length = (int) Math.min(pieceLength, count - at);
        try (NDArray piece = piece(entry, at, length, type, new Shape(length), scratch)) {
          flat.set(new NDIndex().addSliceDim(at, at + length), piece);
        }
      }
    } catch (IOException | RuntimeException | Error e) {
      result.close();
      throw e;
    }
    return result;
  }

  private NDArray piece(
      TensorEntry entry, long first, int length, DataType type, Shape shape, NDManager manager)
      throws IOException {
    Dtype dtype = entry.dtype();
    ByteBuffer in = atLeast(length * dtype.bytes(), pieceIn).order(ByteOrder.LITTLE_ENDIAN);
    pieceIn = in;
    in.clear().limit(length * dtype.bytes());
    SafetensorsHeader.readFully(
        path, channel, in, header.dataStart() + entry.begin() + first * dtype.bytes());
    in.flip();
    if (dtype.arrayType().orElse(null) == type
        && dtype != Dtype.BOOL
        && ByteOrder.nativeOrder() == ByteOrder.LITTLE_ENDIAN) {
      return manager.create(in, shape, type);
    }
    ByteBuffer out =
        atLeast(length * type.getNumOfBytes(), pieceOut).order(ByteOrder.nativeOrder());
    pieceOut = out;
    out.clear().limit(length * type.getNumOfBytes());
    Conversions.convert(dtype, in, type, out);
    return manager.create(out, shape, type);
  }

  /** The buffer, or a larger one. */
  private static ByteBuffer atLeast(int bytes, @Nullable ByteBuffer buffer) {
    return buffer != null && buffer.capacity() >= bytes
        ? buffer
        : ByteBuffer.allocateDirect(Math.max(bytes, MIN_MAPPED_BYTES));
  }

  private record FileSource(SafetensorsFile file, TensorEntry entry) implements TensorSource {
    @Override
    public Dtype dtype() {
      return entry.dtype();
    }

    @Override
    public Shape shape() {
      return entry.shape();
    }

    @Override
    public void writeTo(WritableByteChannel out) throws IOException {
      ByteBuffer piece = ByteBuffer.allocate((int) Math.min(PIECE_BYTES, entry.byteSize()));
      for (long at = 0; at < entry.byteSize(); at += piece.capacity()) {
        piece.clear().limit((int) Math.min(piece.capacity(), entry.byteSize() - at));
        file.readBytes(entry.name(), at, piece);
        piece.flip();
        while (piece.hasRemaining()) {
          out.write(piece);
        }
      }
    }
  }
}
