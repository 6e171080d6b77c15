package dev.ablation.listener;

import com.google.common.base.Preconditions;
import com.google.errorprone.annotations.CheckReturnValue;
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
 * Generates the same images, with the same seeds, at a fixed interval during training, to show how
 * the target disappears: before the first step, after every n-th and after the last. Image i of
 * step s is {@code step-SSSSSS-II.png}; an {@link AblationEvent.SamplesDrawn} names the files each
 * time. Training is not affected: the delta is the same without the images.
 *
 * {@snippet class="dev.ablation.Snippets" region="sample-images"}
 *
 * @param folder folder for the images; created if it does not exist
 * @param prompts the prompts, at least one
 * @param everySteps interval in training steps, positive
 * @param seed seed of the first image; image i has {@code seed + i}
 * @param sampling settings for generating the images
 */
@CheckReturnValue
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
   * Creates a listener that generates images every 50 steps, with seed 0 and default sampling.
   *
   * @param folder folder for the images; created if it does not exist
   * @param prompts the prompts, at least one
   * @return the listener
   */
  public static SampleImages in(Path folder, List<String> prompts) {
    return new SampleImages(folder, prompts, 50, 0, SamplingSettings.defaults());
  }

  /**
   * Changes how often images are generated.
   *
   * @param steps interval in training steps, positive
   * @return a copy with the given interval
   */
  public SampleImages every(int steps) {
    return new SampleImages(folder, prompts, steps, seed, sampling);
  }

  /**
   * Changes the seed.
   *
   * @param seed seed of the first image; image i has {@code seed + i}
   * @return a copy with the given seed
   */
  public SampleImages seed(long seed) {
    return new SampleImages(folder, prompts, everySteps, seed, sampling);
  }

  /**
   * Changes how images are generated.
   *
   * @param sampling sampler, steps, guidance, negative prompt, batch size
   * @return a copy with the given sampling settings
   */
  public SampleImages sampling(SamplingSettings sampling) {
    return new SampleImages(folder, prompts, everySteps, seed, sampling);
  }

  @Override
  public boolean observesAfter(int step, int steps) {
    return step % everySteps == 0 || step == steps;
  }

  @Override
  public void onStep(TrainingProgress progress, Consumer<AblationEvent> events) throws IOException {
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
