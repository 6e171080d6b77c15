package dev.ablation.memorized;

import com.google.common.base.Preconditions;
import dev.ablation.metric.CopyDetection;
import dev.ablation.metric.CopyScores;
import dev.ablation.model.DiffusionModel;
import dev.ablation.sample.SamplingSettings;
import java.awt.image.BufferedImage;
import java.util.List;
import java.util.Objects;
import java.util.function.BooleanSupplier;
import java.util.stream.IntStream;

/**
 * Measures the percentage of images generated from given captions that are copies of a memorized
 * image (Kumari et al. 2023, section 4.3). Measurements before an ablation and with its delta start
 * from the same noise.
 *
 * {@snippet class="dev.ablation.Snippets" region="memorization-percentage"}
 *
 * @param captions the prompts, at least one; image i shows caption {@code i mod n}
 * @param originals the memorized image, possibly in several variants; at least one
 * @param detection detects copies
 * @param images total number of images, positive
 * @param sampling settings for generating them
 * @param seed seed of the first image; image i has {@code seed + i}
 */
public record MemorizationPercentage(
    List<String> captions,
    List<BufferedImage> originals,
    CopyDetection detection,
    int images,
    SamplingSettings sampling,
    long seed) {

  /** Checks the captions, the originals and the number of images. */
  public MemorizationPercentage {
    captions = List.copyOf(captions);
    Preconditions.checkArgument(!captions.isEmpty(), "captions must not be empty");
    originals = Originals.checked(originals);
    Objects.requireNonNull(detection, "detection");
    Objects.requireNonNull(sampling, "sampling");
    Preconditions.checkArgument(images > 0, "images must be positive, was %s", images);
  }

  /**
   * Generates the images and scores them.
   *
   * @param model the model in its current state, including every applied delta
   * @return one score for each image; {@link CopyScores#percentage()} is the memorization
   *     percentage
   * @throws dev.ablation.error.UnsupportedCapabilityException if the model cannot decode images
   * @throws java.util.concurrent.CancellationException if the thread was interrupted
   */
  public CopyScores of(DiffusionModel model) {
    return of(model, () -> false);
  }

  /**
   * Generates the images and scores them.
   *
   * @param model the model in its current state, including every applied delta
   * @param cancelled returns whether to cancel; called before each sampling step
   * @return one score for each image
   * @throws dev.ablation.error.UnsupportedCapabilityException if the model cannot decode images
   * @throws java.util.concurrent.CancellationException if it was cancelled or the thread was
   *     interrupted
   */
  public CopyScores of(DiffusionModel model, BooleanSupplier cancelled) {
    List<String> prompts =
        IntStream.range(0, images).mapToObj(i -> captions.get(i % captions.size())).toList();
    return new DrawnScores(detection, originals, sampling).of(model, prompts, seed, cancelled);
  }
}
