package dev.ablation.internal;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.AtomicMoveNotSupportedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * Writes files and folders atomically: they are written under a temporary name in the same folder,
 * forced to disk, and moved into place. On any failure the temporary file is removed and the
 * existing file remains. What a killed process left behind is removed when the next one writes into
 * the folder.
 */
public final class AtomicFiles {

  /** What to do about a file that exists. */
  public enum Existing {
    /** It is replaced, in one step. */
    REPLACE,
    /** It is kept, and the write fails. */
    REFUSE
  }

  /** Writes the content of a file. */
  @FunctionalInterface
  public interface FileBody {
    /**
     * Writes the content.
     *
     * @param channel at the beginning of an empty file, readable and writable; closed by the caller
     * @throws IOException if it cannot be written
     */
    void write(FileChannel channel) throws IOException;
  }

  /** Writes the content of a folder. */
  @FunctionalInterface
  public interface FolderBody {
    /**
     * Writes the content.
     *
     * @param folder an empty folder that is going to be moved
     * @throws IOException if it cannot be written
     */
    void write(Path folder) throws IOException;
  }

  private static final int MAX_NAME_PART = 100;

  private AtomicFiles() {}

  /**
   * Writes a file.
   *
   * @param target the file; its folder must exist
   * @param existing what to do if the file exists
   * @param body writes the content
   * @throws FileAlreadyExistsException if the target is a folder, or exists and {@code existing} is
   *     {@link Existing#REFUSE}
   * @throws NoSuchFileException if the folder does not exist
   * @throws IOException if the file cannot be written
   */
  @SuppressWarnings("try") // the mark of unfinished work is only held
  public static void writeFile(Path target, Existing existing, FileBody body) throws IOException {
    checkTarget(target, existing);
    if (Files.isDirectory(target)) {
      throw new FileAlreadyExistsException(target.toString(), null, "is a folder, not a file");
    }
    Unfinished.removeAbandoned(parentOf(target));
    Path temporary = temporarySibling(target);
    try (Unfinished unused = Unfinished.begin(temporary)) {
      try (FileChannel channel =
          FileChannel.open(
              temporary,
              StandardOpenOption.CREATE_NEW,
              StandardOpenOption.READ,
              StandardOpenOption.WRITE)) {
        naming(
            target,
            () -> {
              body.write(channel);
              channel.force(true);
            });
      }
      checkTarget(target, existing);
      move(temporary, target);
    } catch (IOException | RuntimeException | Error e) {
      discard(temporary, e);
      throw e;
    }
    forceFolder(parentOf(target));
  }

  /**
   * Writes a text file as UTF-8.
   *
   * @param target the file; its folder must exist
   * @param existing what to do if the file exists
   * @param text the content
   * @throws FileAlreadyExistsException if the target exists and is not to be replaced
   * @throws IOException if the file cannot be written
   */
  public static void writeString(Path target, Existing existing, String text) throws IOException {
    write(target, existing, StandardCharsets.UTF_8.newEncoder().encode(CharBuffer.wrap(text)));
  }

  /**
   * Writes a file of bytes.
   *
   * @param target the file; its folder must exist
   * @param existing what to do if the file exists
   * @param content the content
   * @throws FileAlreadyExistsException if the target exists and is not to be replaced
   * @throws IOException if the file cannot be written
   */
  public static void writeBytes(Path target, Existing existing, byte[] content) throws IOException {
    write(target, existing, ByteBuffer.wrap(content));
  }

  private static void write(Path target, Existing existing, ByteBuffer bytes) throws IOException {
    writeFile(
        target,
        existing,
        channel -> {
          while (bytes.hasRemaining()) {
            channel.write(bytes);
          }
        });
  }

  /**
   * Writes a folder.
   *
   * @param target must not exist; its parent must
   * @param body fills an empty folder
   * @throws FileAlreadyExistsException if the target exists
   * @throws NoSuchFileException if the parent does not exist
   * @throws IOException if the folder cannot be written
   */
  @SuppressWarnings("try") // the mark of unfinished work is only held
  public static void writeFolder(Path target, FolderBody body) throws IOException {
    checkTarget(target, Existing.REFUSE);
    Unfinished.removeAbandoned(parentOf(target));
    Path temporary = temporarySibling(target);
    try (Unfinished unused = Unfinished.begin(temporary)) {
      Files.createDirectory(temporary);
      naming(
          target,
          () -> {
            body.write(temporary);
            forceTree(temporary);
          });
      checkTarget(target, Existing.REFUSE);
      move(temporary, target);
    } catch (IOException | RuntimeException | Error e) {
      discard(temporary, e);
      throw e;
    }
    forceFolder(parentOf(target));
  }

  /** Writes something. */
  @FunctionalInterface
  private interface Body {
    void run() throws IOException;
  }

  /** A full disk is reported without the file's name. */
  private static void naming(Path target, Body body) throws IOException {
    try {
      body.run();
    } catch (FileSystemException | ClosedByInterruptException e) {
      throw e; // names its file, or tells the caller of the interrupt
    } catch (IOException e) {
      if (String.valueOf(e.getMessage()).contains(target.toString())) {
        throw e;
      }
      throw new IOException("cannot write %s: %s".formatted(target, e.getMessage()), e);
    }
  }

  /**
   * Checks, before hours of work, that a file or folder can be created later.
   *
   * @param target the file or folder
   * @param existing whether it may exist
   * @throws FileAlreadyExistsException if it exists and may not, or is a device or a pipe
   * @throws NoSuchFileException if its parent does not exist
   * @throws NotDirectoryException if its parent is a file
   * @throws AccessDeniedException if its parent cannot be written to
   * @throws IOException if the path has no name
   */
  public static void checkTarget(Path target, Existing existing) throws IOException {
    Path parent = parentOf(target);
    if (!Files.exists(parent)) {
      throw new NoSuchFileException(
          parent.toString(), target.toString(), "the folder to write into does not exist");
    }
    if (!Files.isDirectory(parent)) {
      throw new NotDirectoryException(parent.toString());
    }
    if (!Files.isWritable(parent)) {
      throw new AccessDeniedException(
          parent.toString(), target.toString(), "the folder to write into is not writable");
    }
    if (Files.exists(target) && !Files.isRegularFile(target) && !Files.isDirectory(target)) {
      // Such as /dev/null: a move would put a file in its place.
      throw new FileAlreadyExistsException(target.toString(), null, "is a device or a pipe");
    }
    if (existing == Existing.REFUSE && Files.exists(target, LinkOption.NOFOLLOW_LINKS)) {
      throw new FileAlreadyExistsException(target.toString(), null, "exists and is not replaced");
    }
  }

  private static Path parentOf(Path target) throws IOException {
    Path absolute = target.toAbsolutePath().normalize();
    Path parent = absolute.getParent();
    if (parent == null || absolute.getFileName() == null) {
      throw new IOException("cannot write to '" + target + "': it has no file name");
    }
    return parent;
  }

  private static Path temporarySibling(Path target) throws IOException {
    Path parent = parentOf(target);
    String name = String.valueOf(target.toAbsolutePath().normalize().getFileName());
    String shortened = name.substring(0, Math.min(name.length(), MAX_NAME_PART));
    // Not Files.createTempFile: its files are readable only by the owner, even after a move.
    return parent.resolve("." + shortened + "." + UUID.randomUUID() + Unfinished.ENDING);
  }

  private static void move(Path temporary, Path target) throws IOException {
    try {
      Files.move(temporary, target, StandardCopyOption.ATOMIC_MOVE);
    } catch (AtomicMoveNotSupportedException e) {
      Files.move(temporary, target, StandardCopyOption.REPLACE_EXISTING);
    }
  }

  private static void discard(Path temporary, Throwable reason) {
    try {
      if (Files.exists(temporary, LinkOption.NOFOLLOW_LINKS)) {
        deleteTree(temporary);
      }
    } catch (IOException e) {
      reason.addSuppressed(e);
    }
  }

  static void deleteTree(Path root) throws IOException {
    Files.walkFileTree(
        root,
        new SimpleFileVisitor<>() {
          @Override
          public FileVisitResult visitFile(Path file, BasicFileAttributes attributes)
              throws IOException {
            Files.delete(file);
            return FileVisitResult.CONTINUE;
          }

          @Override
          public FileVisitResult postVisitDirectory(Path folder, @Nullable IOException failure)
              throws IOException {
            if (failure != null) {
              throw failure;
            }
            Files.delete(folder);
            return FileVisitResult.CONTINUE;
          }
        });
  }

  private static void forceTree(Path root) throws IOException {
    Files.walkFileTree(
        root,
        new SimpleFileVisitor<>() {
          @Override
          public FileVisitResult visitFile(Path file, BasicFileAttributes attributes)
              throws IOException {
            if (attributes.isRegularFile()) {
              forceFile(file);
            }
            return FileVisitResult.CONTINUE;
          }

          @Override
          public FileVisitResult postVisitDirectory(Path folder, @Nullable IOException failure)
              throws IOException {
            if (failure != null) {
              throw failure;
            }
            forceFolder(folder);
            return FileVisitResult.CONTINUE;
          }
        });
  }

  private static void forceFile(Path file) throws IOException {
    // A copied file may be read-only; forcing it is then up to the system.
    StandardOpenOption mode =
        Files.isWritable(file) ? StandardOpenOption.WRITE : StandardOpenOption.READ;
    try (FileChannel channel = FileChannel.open(file, mode)) {
      channel.force(true);
    }
  }

  /** Makes a rename durable where folders can be opened; elsewhere there is nothing to do. */
  private static void forceFolder(Path folder) {
    try (FileChannel channel = FileChannel.open(folder, StandardOpenOption.READ)) {
      channel.force(true);
    } catch (IOException e) {
      // Windows cannot open folders. The file itself has already been forced, so it is complete.
      return;
    }
  }
}
