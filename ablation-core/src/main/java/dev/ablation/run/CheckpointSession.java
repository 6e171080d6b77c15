package dev.ablation.run;

import ai.djl.ndarray.NDManager;
import dev.ablation.checkpoint.Checkpoints;
import dev.ablation.checkpoint.RunFolder;
import dev.ablation.event.AblationEvent;
import dev.ablation.provenance.Provenance;
import dev.ablation.train.TrainingState;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.Optional;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The state of an interrupted run, to resume it, and the state that this run saves; empty without
 * checkpoints.
 */
final class CheckpointSession implements AutoCloseable {
  private final @Nullable Checkpoints settings;
  private final @Nullable RunFolder folder;
  private final Listeners events;

  private CheckpointSession(
      @Nullable Checkpoints settings, @Nullable RunFolder folder, Listeners events) {
    this.settings = settings;
    this.folder = folder;
    this.events = events;
  }

  static CheckpointSession of(
      Optional<Checkpoints> settings, Supplier<Provenance> plan, Listeners events)
      throws IOException {
    if (settings.isEmpty()) {
      return none(events);
    }
    RunFolder folder =
        RunFolder.open(
            settings.get(), plan.get(), message -> events.on(new AblationEvent.Warning(message)));
    return new CheckpointSession(settings.get(), folder, events);
  }

  /** A session that reads and saves nothing. */
  static CheckpointSession none(Listeners events) {
    return new CheckpointSession(null, null, events);
  }

  /** Notifies listeners of the step at which the run resumes. */
  void announce() {
    if (folder != null) {
      folder
          .newest()
          .ifPresent(
              file -> events.on(new AblationEvent.Resumed(folder.step().orElseThrow(), file)));
    }
  }

  Optional<Path> anchors() {
    return Optional.ofNullable(folder).map(RunFolder::anchors);
  }

  void anchorsAreReady() {
    if (folder != null && folder.newest().isEmpty()) {
      save(TrainingState.beginning());
    }
  }

  Optional<TrainingState> saved(NDManager scope) {
    try {
      return folder == null ? Optional.empty() : folder.state(scope);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  boolean savesAfter(int step) {
    return settings != null && step % settings.everySteps() == 0;
  }

  void save(TrainingState state) {
    if (folder != null) {
      try {
        Path file = folder.save(state);
        events.on(new AblationEvent.CheckpointSaved(state.step(), file));
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }

  @Override
  public void close() throws IOException {
    if (folder != null) {
      folder.close();
    }
  }
}
