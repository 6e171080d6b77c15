package dev.ablation.checkpoint;

import ai.djl.ndarray.NDManager;
import dev.ablation.internal.AtomicFiles;
import dev.ablation.internal.TextFile;
import dev.ablation.internal.Uninterrupted;
import dev.ablation.provenance.Provenance;
import dev.ablation.train.TrainingState;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The folder in which one run saves its state: {@code plan.json}, {@code
 * checkpoint-STEP.safetensors} and {@code anchors/}. Locked by the run that has it open; the lock
 * ends with the process in any case.
 */
public final class RunFolder implements AutoCloseable {
  private static final String PLAN = "plan.json";
  private static final String LOCK = "run.lock";
  private static final String ANCHORS = "anchors";
  private static final Pattern CHECKPOINT = Pattern.compile("checkpoint-(\\d{8,})\\.safetensors");
  private static final Pattern UNFINISHED =
      Pattern.compile("\\.(checkpoint-|plan).*(?<!\\.ablation)\\.tmp");

  private final Checkpoints settings;
  private final Provenance plan;
  private final FileChannel lock;
  private @Nullable CheckpointFile newest;

  private RunFolder(Checkpoints settings, Provenance plan, FileChannel lock) {
    this.settings = settings;
    this.plan = plan;
    this.lock = lock;
  }

  /**
   * Opens the folder for a run of a plan, creates it if it does not exist, and finds its newest
   * intact checkpoint.
   *
   * @param settings the folder and the number of checkpoints to keep
   * @param plan settings, base model and library version of the run
   * @param warnings receives warnings about damaged checkpoints, which are renamed, and about a
   *     different environment
   * @return the folder, locked until it is closed
   * @throws CheckpointMismatchException if it belongs to another plan
   * @throws IllegalStateException if another run has it open
   * @throws IOException if it cannot be read or written
   */
  public static RunFolder open(Checkpoints settings, Provenance plan, Consumer<String> warnings)
      throws IOException {
    return Uninterrupted.during(() -> {
      createFolder(settings.folder());
      FileChannel lock = lock(settings.folder());
      RunFolder folder = new RunFolder(settings, plan, lock);
      try {
        folder.removeUnfinished();
        folder.claim(warnings);
        folder.findNewest(warnings);
        return folder;
      } catch (IOException | RuntimeException | Error e) {
        folder.close();
        throw e;
      }
    });
  }

  private static void createFolder(Path folder) throws IOException {
    try {
      Files.createDirectories(folder);
    } catch (FileAlreadyExistsException e) {
      throw new IOException(folder + ": checkpoints need a folder, but this is a file", e);
    }
  }

  private static FileChannel lock(Path folder) throws IOException {
    FileChannel channel =
        FileChannel.open(folder.resolve(LOCK), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
    try {
      FileLock lock = channel.tryLock();
      if (lock != null) {
        return channel; // the lock lives as long as the channel
      }
    } catch (OverlappingFileLockException e) {
      // held by a run in this process
    } catch (IOException | RuntimeException | Error e) {
      channel.close();
      throw e;
    }
    channel.close();
    throw new IllegalStateException(
        folder + " is used by another run; wait for it or choose another folder");
  }

  /** Temporary files of a killed process of an earlier version; writing removes the others. */
  private void removeUnfinished() throws IOException {
    for (Path file : files(UNFINISHED)) {
      Files.deleteIfExists(file);
    }
  }

  /** The plan is written before anything else, so that a folder is never without an owner. */
  private void claim(Consumer<String> warnings) throws IOException {
    Path file = settings.folder().resolve(PLAN);
    if (Files.exists(file)) {
      Provenance old;
      try {
        old = Provenance.fromJson(TextFile.read(file));
      } catch (IllegalArgumentException | IOException e) {
        warnings.accept(file + " is damaged and is rewritten: " + e.getMessage());
        old = plan;
      }
      check(old);
      differencesOfEnvironment(old)
          .ifPresent(text ->
              warnings.accept(
                  "the run continues in another environment, so bytes may differ: " + text));
    }
    AtomicFiles.writeString(file, AtomicFiles.Existing.REPLACE, plan.toJson() + "\n");
  }

  private void check(Provenance old) {
    Map<String, String> differences = new TreeMap<>(old.settingsDifferingFrom(plan));
    compare("base.sha256", old.baseSha256(), plan.baseSha256(), differences);
    compare("library.version", old.libraryVersion(), plan.libraryVersion(), differences);
    compare(
        "weights.trained",
        old.baseWeightSha256().keySet().toString(),
        plan.baseWeightSha256().keySet().toString(),
        differences);
    if (!differences.isEmpty()) {
      throw new CheckpointMismatchException(settings.folder(), differences);
    }
  }

  private static void compare(
      String name, String old, String now, Map<String, String> differences) {
    if (!old.equals(now)) {
      differences.put(name, old + " -> " + now);
    }
  }

  private Optional<String> differencesOfEnvironment(Provenance old) {
    Map<String, String> differences = new TreeMap<>();
    plan.environment()
        .forEach((name, now) ->
            compare(name, old.environment().getOrDefault(name, "unknown"), now, differences));
    return differences.isEmpty() ? Optional.empty() : Optional.of(differences.toString());
  }

  private void findNewest(Consumer<String> warnings) throws IOException {
    for (Path file : checkpoints()) {
      try {
        CheckpointFile found = CheckpointFile.open(file);
        check(found.plan());
        newest = found;
        return;
      } catch (DamagedCheckpointException e) {
        // Renamed, so that it does not count as one of the newest that are kept.
        Path aside = file.resolveSibling(file.getFileName() + ".damaged");
        Files.move(file, aside, StandardCopyOption.REPLACE_EXISTING);
        warnings.accept("checkpoint " + e.getMessage() + "; the previous one is used instead");
      }
    }
  }

  /** Newest first. */
  private List<Path> checkpoints() throws IOException {
    return files(CHECKPOINT).stream()
        .sorted(Comparator.comparingLong((Path file) -> step(file)).reversed())
        .toList();
  }

  private static long step(Path checkpoint) {
    Matcher matcher = CHECKPOINT.matcher(String.valueOf(checkpoint.getFileName()));
    return matcher.matches() ? Long.parseLong(matcher.group(1)) : -1;
  }

  private List<Path> files(Pattern name) throws IOException {
    try (Stream<Path> files = Files.list(settings.folder())) {
      return files
          .filter(file -> name.matcher(String.valueOf(file.getFileName())).matches())
          .toList();
    }
  }

  /** {@return the step of the newest intact checkpoint; empty if there is none} */
  public OptionalInt step() {
    CheckpointFile found = newest;
    return found == null ? OptionalInt.empty() : OptionalInt.of(found.step());
  }

  /** {@return the file of the newest intact checkpoint; empty if there is none} */
  public Optional<Path> newest() {
    return Optional.ofNullable(newest).map(CheckpointFile::path);
  }

  /**
   * Reads the state of the newest intact checkpoint.
   *
   * @param scope owner of its arrays
   * @return the state; empty if there is none
   * @throws IOException if the file cannot be read
   */
  public Optional<TrainingState> state(NDManager scope) throws IOException {
    CheckpointFile found = newest;
    return found == null
        ? Optional.empty()
        : Optional.of(Uninterrupted.during(() -> found.state(scope)));
  }

  /** {@return the folder in which anchor images are saved as they are drawn} */
  public Path anchors() {
    return settings.folder().resolve(ANCHORS);
  }

  /**
   * Writes a checkpoint and removes all but the newest. The file is written atomically, is on disk
   * when this returns, and survives an interrupt.
   *
   * @param state to keep
   * @return the file
   * @throws IOException if it cannot be written; earlier ones still exist
   */
  public Path save(TrainingState state) throws IOException {
    return Uninterrupted.during(() -> {
      Path file = settings.folder().resolve("checkpoint-%08d.safetensors".formatted(state.step()));
      CheckpointFile.write(file, plan, state);
      for (Path old : checkpoints().stream().skip(settings.keep()).toList()) {
        Files.deleteIfExists(old);
      }
      return file;
    });
  }

  /** Releases the lock. */
  @Override
  public void close() throws IOException {
    lock.close();
  }
}
