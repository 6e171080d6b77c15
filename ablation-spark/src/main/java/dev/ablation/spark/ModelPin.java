package dev.ablation.spark;

import dev.ablation.internal.AtomicFiles.Existing;
import dev.ablation.job.JobModel;
import dev.ablation.job.evidence.Sha256;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * The weights that a list's jobs are computed on. The first executor that opens a model writes
 * their hash down; one that finds others is refused.
 *
 * @param location of the model
 * @param base hash of its weights
 * @param executor that opened it first
 */
record ModelPin(String location, String base, String executor) {
  private static final int NAME = 16;

  static void check(Task task, JobModel model, String base) throws IOException {
    Path folder = task.folder().resolve("models");
    String name = Sha256.of(model.location().getBytes(StandardCharsets.UTF_8)).substring(0, NAME);
    Path file = folder.resolve(name + ".json");
    Files.createDirectories(folder);
    ModelPin pin;
    synchronized (ModelPin.class) {
      try (FileChannel channel =
              FileChannel.open(
                  folder.resolve(name + ".lock"),
                  StandardOpenOption.CREATE,
                  StandardOpenOption.WRITE);
          FileLock held = channel.lock()) {
        if (held.isValid() && !Files.exists(file)) {
          ModelPin first = new ModelPin(model.location(), base, Executors.name());
          RecordFile.write(file, Existing.REFUSE, first);
        }
        pin = read(file);
      }
    }
    if (!pin.base.equals(base)) {
      throw new MachineException(
          ("the model '%s' must be the same everywhere: its base weights have SHA-256 %s for %s,"
                  + " but %s for %s, which opened it first (%s)")
              .formatted(model.location(), base, Executors.name(), pin.base, pin.executor, file));
    }
  }

  private static ModelPin read(Path file) throws IOException {
    return RecordFile.read(file, ModelPin.class, pin -> pin.base != null, "the hash of a model");
  }
}
