package dev.ablation.internal;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A file or folder while it is written under a temporary name. Its writer holds a lock on a file
 * beside it. The system frees the lock when the process ends, however it ends; so what has nobody's
 * lock was abandoned.
 */
final class Unfinished implements AutoCloseable {
  /** The end of a temporary name. */
  static final String ENDING = ".ablation.tmp";

  private static final String LOCK = ".lock";
  private static final Pattern NAME =
      Pattern.compile("\\..+\\.[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}" + Pattern.quote(ENDING));

  private static final int MOST_FOLDERS = 10_000;

  /** What this process writes. Opening a lock file a second time would free its lock on POSIX. */
  private static final Set<Path> OWN = ConcurrentHashMap.newKeySet();

  /** Folders in which this process has already looked. */
  private static final Set<Path> SEEN = ConcurrentHashMap.newKeySet();

  private static final Logger LOG = LoggerFactory.getLogger(Unfinished.class);

  private final Path temporary;
  private final @Nullable FileChannel lock;

  private Unfinished(Path temporary, @Nullable FileChannel lock) {
    this.temporary = temporary;
    this.lock = lock;
  }

  /**
   * Begins to write.
   *
   * @param temporary a name of which nothing exists yet
   * @return to be closed when it was moved or removed
   */
  static Unfinished begin(Path temporary) throws IOException {
    OWN.add(temporary);
    FileChannel channel = null;
    try {
      channel =
          FileChannel.open(
              lockOf(temporary), StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
      if (channel.tryLock() != null) {
        return new Unfinished(temporary, channel);
      }
    } catch (IOException e) { // a full disk, or a file system without locks
      LOG.debug("{} is written without a lock", temporary, e);
    }
    if (channel != null) {
      channel.close();
      Files.deleteIfExists(lockOf(temporary));
    }
    return new Unfinished(temporary, null);
  }

  private static Path lockOf(Path temporary) {
    return temporary.resolveSibling(temporary.getFileName() + LOCK);
  }

  @Override
  public void close() throws IOException {
    if (lock != null) {
      Files.deleteIfExists(lockOf(temporary));
      lock.close();
    }
    OWN.remove(temporary);
  }

  /**
   * Removes what killed processes left in a folder; this process looks once.
   *
   * @param folder into which something is to be written
   */
  static void removeAbandoned(Path folder) {
    if (SEEN.size() < MOST_FOLDERS && !SEEN.add(folder)) {
      return;
    }
    List<Path> found;
    try (Stream<Path> files = Files.list(folder)) {
      found = files.filter(Unfinished::isTemporary).toList();
    } catch (IOException e) {
      return; // a folder that cannot be listed; writing will tell
    }
    for (Path temporary : found) {
      try {
        remove(temporary);
      } catch (IOException e) {
        LOG.warn("{} was left behind by a killed process and cannot be removed", temporary, e);
      }
    }
  }

  private static boolean isTemporary(Path path) {
    String name = String.valueOf(path.getFileName());
    return NAME.matcher(name.endsWith(LOCK) ? withoutLock(name) : name).matches();
  }

  private static String withoutLock(String name) {
    return name.substring(0, name.length() - LOCK.length());
  }

  private static void remove(Path found) throws IOException {
    String name = String.valueOf(found.getFileName());
    Path temporary = name.endsWith(LOCK) ? found.resolveSibling(withoutLock(name)) : found;
    if (OWN.contains(temporary)) {
      return;
    }
    Path lockFile = lockOf(temporary);
    if (!Files.exists(lockFile, LinkOption.NOFOLLOW_LINKS)) {
      delete(temporary);
      return;
    }
    try (FileChannel channel = FileChannel.open(lockFile, StandardOpenOption.WRITE)) {
      FileLock free = channel.tryLock();
      if (free != null) {
        delete(temporary);
        Files.deleteIfExists(lockFile);
      }
    } catch (OverlappingFileLockException e) {
      return; // written by this process
    }
  }

  private static void delete(Path temporary) throws IOException {
    if (Files.exists(temporary, LinkOption.NOFOLLOW_LINKS)) {
      AtomicFiles.deleteTree(temporary);
      LOG.info("removed {}, which a killed process left behind", temporary);
    }
  }
}
