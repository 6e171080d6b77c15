package dev.ablation.internal;

import java.io.IOException;
import java.nio.file.Path;

/**
 * The one place that translates what lower layers throw while they read a damaged file (arithmetic,
 * number formats, unsupported operations, errors of the engine) into the documented {@link
 * IOException} that names the file.
 */
public final class FileReading {
  private FileReading() {}

  /**
   * Reads a file.
   *
   * @param <T> what is read
   */
  @FunctionalInterface
  public interface Reader<T> {
    /**
     * Reads.
     *
     * @return what the file holds
     * @throws IOException if the file cannot be read
     */
    T read() throws IOException;
  }

  /**
   * Runs a reader.
   *
   * @param file what is read, for the message
   * @param reader any reader
   * @param <T> what is read
   * @return what the reader returns
   * @throws IOException what the reader throws, if its message names the file, and instead of every
   *     other exception of it
   */
  public static <T> T of(Path file, Reader<T> reader) throws IOException {
    try {
      return reader.read();
    } catch (IOException e) {
      if (String.valueOf(e.getMessage()).contains(file.toString())) {
        throw e;
      }
      throw new IOException(file + ": cannot be read: " + e, e); // of a stream, an archive, ...
    } catch (RuntimeException e) {
      String message = e.getMessage() == null ? e.toString() : e.getMessage();
      throw new IOException(
          message.startsWith(file.toString()) ? message : file + ": " + message, e);
    }
  }
}
