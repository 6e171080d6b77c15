package dev.ablation.listener;

import com.google.common.base.Preconditions;
import dev.ablation.event.AblationEvent;
import dev.ablation.image.ImageFile;
import dev.ablation.internal.Uninterrupted;
import dev.ablation.sample.LatentSampler;
import dev.ablation.sample.SamplingSettings;
import dev.ablation.train.TrainingProgress;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.function.Consumer;

/**
 * Draws the same images every so many steps, with the same seeds, so that one can watch the target
 * go: before the first step, at every n-th, and after the last. Image i of step s is {@code
 * step-SSSSSS-II.png}; each time an {@link AblationEvent.SamplesDrawn} tells the files. Training is
 * not disturbed: its delta is the same without the images.
 *
 * {@snippet class="dev.ablation.Snippets" region="sample-images"}
 *
 * @param folder that the images are written to; made if it is missing
 * @param prompts what to draw, at least one
 * @param everySteps at every which step, positive
 * @param seed of the first image; image i has {@code seed + i}
 * @param sampling how they are drawn
 */
public record SampleImages(
    Path folder, List<String> prompts, int everySteps, long seed, SamplingSettings sampling)
    implements ModelListener {

  /** Checks the ranges. */
  public SampleImages {
    Objects.requireNonNull(folder, "folder");
    Objects.requireNonNull(sampling, "sampling");
    prompts = List.copyOf(prompts);
    Preconditions.checkArgument(!prompts.isEmpty(), "prompts must not be empty");
    Preconditions.checkArgument(everySteps > 0, "everySteps must be positive, was %s", everySteps);
  }

  /**
   * Draws every 50 steps with seed 0 and default sampling.
   *
   * @param folder that the images are written to; made if it is missing
   * @param prompts what to draw, at least one
   * @return the listener
   */
  public static SampleImages in(Path folder, List<String> prompts) {
    return new SampleImages(folder, prompts, 50, 0, SamplingSettings.defaults());
  }

  /**
   * Changes how often images are drawn.
   *
   * @param steps positive
   * @return a changed copy
   */
  public SampleImages every(int steps) {
    return new SampleImages(folder, prompts, steps, seed, sampling);
  }

  /**
   * Changes the seed.
   *
   * @param seed of the first image
   * @return a changed copy
   */
  public SampleImages seed(long seed) {
    return new SampleImages(folder, prompts, everySteps, seed, sampling);
  }

  /**
   * Changes how images are drawn.
   *
   * @param sampling sampler, steps, guidance, negative prompt, batch size
   * @return a changed copy
   */
  public SampleImages sampling(SamplingSettings sampling) {
    return new SampleImages(folder, prompts, everySteps, seed, sampling);
  }

  @Override
  public boolean looksAfter(int step, int steps) {
    return step % everySteps == 0 || step == steps;
  }

  @Override
  public void look(TrainingProgress progress, Consumer<AblationEvent> events) throws IOException {
    List<BufferedImage> images =
        LatentSampler.of(progress.model())
            .settings(sampling)
            .cancellation(progress.cancelled())
            .draw(prompts, seed);
    List<Path> files = new ArrayList<>();
    for (int i = 0; i < images.size(); i++) {
      files.add(write(images.get(i), "step-%06d-%02d.png".formatted(progress.step(), i)));
    }
    events.accept(new AblationEvent.SamplesDrawn(progress.step(), files));
  }

  private Path write(BufferedImage image, String name) throws IOException {
    return Uninterrupted.during(() -> {
      Files.createDirectories(folder);
      Path file = folder.resolve(name);
      ImageFile.writePng(image, file);
      return file;
    });
  }
}
