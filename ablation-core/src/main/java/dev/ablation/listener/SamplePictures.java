package dev.ablation.listener;

import com.google.common.base.Preconditions;
import dev.ablation.event.AblationEvent;
import dev.ablation.internal.Uninterrupted;
import dev.ablation.picture.PictureFile;
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
 * Draws the same pictures every so many steps, with the same seeds, so that one can watch the
 * target go: before the first step, at every n-th, and after the last. Picture i of step s is
 * {@code step-SSSSSS-II.png}; each time an {@link AblationEvent.SamplesDrawn} tells the files.
 * Training is not disturbed: its delta is the same without the pictures.
 *
 * {@snippet class="dev.ablation.Snippets" region="sample-pictures"}
 *
 * @param folder that the pictures are written to; made if it is missing
 * @param prompts what to draw, at least one
 * @param everySteps at every which step, positive
 * @param seed of the first picture; picture i has {@code seed + i}
 * @param sampling how they are drawn
 */
public record SamplePictures(
    Path folder, List<String> prompts, int everySteps, long seed, SamplingSettings sampling)
    implements ModelListener {

  /** Checks the ranges. */
  public SamplePictures {
    Objects.requireNonNull(folder, "folder");
    Objects.requireNonNull(sampling, "sampling");
    prompts = List.copyOf(prompts);
    Preconditions.checkArgument(!prompts.isEmpty(), "prompts must not be empty");
    Preconditions.checkArgument(everySteps > 0, "everySteps must be positive, was %s", everySteps);
  }

  /**
   * Draws every 50 steps with seed 0 and default sampling.
   *
   * @param folder that the pictures are written to; made if it is missing
   * @param prompts what to draw, at least one
   * @return the listener
   */
  public static SamplePictures in(Path folder, List<String> prompts) {
    return new SamplePictures(folder, prompts, 50, 0, SamplingSettings.defaults());
  }

  /**
   * Changes how often pictures are drawn.
   *
   * @param steps positive
   * @return a changed copy
   */
  public SamplePictures every(int steps) {
    return new SamplePictures(folder, prompts, steps, seed, sampling);
  }

  /**
   * Changes the seed.
   *
   * @param seed of the first picture
   * @return a changed copy
   */
  public SamplePictures seed(long seed) {
    return new SamplePictures(folder, prompts, everySteps, seed, sampling);
  }

  /**
   * Changes how pictures are drawn.
   *
   * @param sampling sampler, steps, guidance, negative prompt, batch size
   * @return a changed copy
   */
  public SamplePictures sampling(SamplingSettings sampling) {
    return new SamplePictures(folder, prompts, everySteps, seed, sampling);
  }

  @Override
  public boolean looksAfter(int step, int steps) {
    return step % everySteps == 0 || step == steps;
  }

  @Override
  public void look(TrainingProgress progress, Consumer<AblationEvent> events) throws IOException {
    List<BufferedImage> pictures =
        LatentSampler.of(progress.model())
            .withSettings(sampling)
            .withCancellation(progress.cancelled())
            .draw(prompts, seed);
    List<Path> files = new ArrayList<>();
    for (int i = 0; i < pictures.size(); i++) {
      files.add(write(pictures.get(i), "step-%06d-%02d.png".formatted(progress.step(), i)));
    }
    events.accept(new AblationEvent.SamplesDrawn(progress.step(), files));
  }

  private Path write(BufferedImage picture, String name) throws IOException {
    return Uninterrupted.during(() -> {
      Files.createDirectories(folder);
      Path file = folder.resolve(name);
      PictureFile.writePng(picture, file);
      return file;
    });
  }
}
