package dev.ablation.spark;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.function.Supplier;

/**
 * Lets one task at a time work on a job: a second attempt, such as a speculative one, waits and
 * finds the result. The system frees the lock of a killed process.
 */
final class JobLock implements AutoCloseable {
  private static final long LOOK_MILLIS = 200;

  private final FileChannel channel;

  private JobLock(FileChannel channel) {
    this.channel = channel;
  }

  /**
   * Waits for the lock.
   *
   * @param cancelled throws if the task was cancelled
   */
  static JobLock take(Task task, Supplier<Boolean> cancelled) throws IOException {
    Path file = task.folder().resolve("locks").resolve(task.hash());
    Files.createDirectories(file.getParent());
    while (true) {
      FileChannel channel =
          FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
      try {
        FileLock lock = channel.tryLock();
        if (lock != null) {
          return new JobLock(channel);
        }
      } catch (OverlappingFileLockException e) {
        // The other task is in this process.
      } catch (IOException | RuntimeException | Error e) {
        channel.close();
        throw e;
      }
      channel.close();
      if (cancelled.get()) {
        throw new TaskCancelledException();
      }
      try {
        Thread.sleep(LOOK_MILLIS);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new TaskCancelledException();
      }
    }
  }

  @Override
  public void close() throws IOException {
    channel.close();
  }
}
