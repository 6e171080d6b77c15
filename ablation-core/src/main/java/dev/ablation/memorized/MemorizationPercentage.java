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
 * Measures how many of the images that a model draws for given captions are copies of a memorised
 * image (Kumari et al. 2023, section 4.3). The same measurement before and within a delta starts
 * from the same noise.
 *
 * {@snippet class="dev.ablation.Snippets" region="memorization-percentage"}
 *
 * @param captions what is drawn: image i shows caption {@code i mod n}; at least one
 * @param originals the memorised image, perhaps in several forms; at least one
 * @param detection tells copies
 * @param images how many are drawn in all, positive
 * @param sampling how they are drawn
 * @param seed of the first image; image i has {@code seed + i}
 */
public record MemorizationPercentage(
    List<String> captions,
    List<BufferedImage> originals,
    CopyDetection detection,
    int images,
    SamplingSettings sampling,
    long seed) {

  /** Checks captions, originals and number. */
  public MemorizationPercentage {
    captions = List.copyOf(captions);
    Preconditions.checkArgument(!captions.isEmpty(), "captions must not be empty");
    originals = Originals.checked(originals);
    Objects.requireNonNull(detection, "detection");
    Objects.requireNonNull(sampling, "sampling");
    Preconditions.checkArgument(images > 0, "images must be positive, was %s", images);
  }

  /**
   * Draws the images and scores them.
   *
   * @param model draws as it is now, with every delta that is applied to it
   * @return a score for every image; {@link CopyScores#percentage()} is the memorisation percentage
   * @throws dev.ablation.error.UnsupportedCapabilityException if the model cannot decode images
   * @throws java.util.concurrent.CancellationException if the thread was interrupted
   */
  public CopyScores of(DiffusionModel model) {
    return of(model, () -> false);
  }

  /**
   * Draws the images and scores them.
   *
   * @param model draws as it is now, with every delta that is applied to it
   * @param cancelled asked before each step of the sampler; true ends the measurement
   * @return a score for every image
   * @throws dev.ablation.error.UnsupportedCapabilityException if the model cannot decode images
   * @throws java.util.concurrent.CancellationException if it was cancelled or the thread
   *     interrupted
   */
  public CopyScores of(DiffusionModel model, BooleanSupplier cancelled) {
    List<String> prompts =
        IntStream.range(0, images).mapToObj(i -> captions.get(i % captions.size())).toList();
    return new DrawnScores(detection, originals, sampling).of(model, prompts, seed, cancelled);
  }
}
