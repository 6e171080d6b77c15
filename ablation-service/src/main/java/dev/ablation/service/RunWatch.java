package dev.ablation.service;

import dev.ablation.event.AblationEvent;
import dev.ablation.listener.ModelListener;
import dev.ablation.listener.SampleImages;
import dev.ablation.sample.SamplingSettings;
import dev.ablation.train.TrainingProgress;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** Tells a run's state what happens, and draws the preview's prompts now and then. */
final class RunWatch implements ModelListener {
  /** How often a preview is drawn, besides before the first step. */
  private static final int PREVIEWS = 6;

  private final Consumer<AblationEvent> events;
  private final Path folder;
  private final List<String> prompts;
  private final SamplingSettings sampling;
  private @Nullable SampleImages preview;

  RunWatch(
      Consumer<AblationEvent> events,
      Path folder,
      List<String> prompts,
      SamplingSettings sampling) {
    this.events = events;
    this.folder = folder;
    this.prompts = prompts;
    this.sampling = sampling;
  }

  @Override
  public void on(AblationEvent event) {
    events.accept(event);
  }

  private SampleImages preview(int steps) {
    if (preview == null) {
      preview =
          new SampleImages(
              folder, prompts, Math.max(1, (steps + PREVIEWS - 1) / PREVIEWS), 0, sampling);
    }
    return preview;
  }

  @Override
  public boolean observesAfter(int step, int steps) {
    return !prompts.isEmpty() && preview(steps).observesAfter(step, steps);
  }

  @Override
  public void onStep(TrainingProgress progress, Consumer<AblationEvent> made) throws IOException {
    preview(progress.steps()).onStep(progress, made);
  }
}
