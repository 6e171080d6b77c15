package dev.ablation.attack;

import com.google.common.base.Preconditions;
import com.google.errorprone.annotations.CheckReturnValue;
import dev.ablation.evaluation.ConceptDetector;
import dev.ablation.evaluation.ErasureEarlyStopping.Attempt;
import dev.ablation.model.DiffusionModel;
import dev.ablation.sample.LatentSampler;
import dev.ablation.sample.SamplingSettings;
import dev.ablation.train.ModelMetric;
import java.awt.image.BufferedImage;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;

/**
 * How often a model finishes noised images of the target as the target; for measured stopping,
 * where {@link SdEditAttack} compares two models after training.
 *
 * @param originals images of the target, of the model's size, at least one
 * @param start share of the schedule that they are noised to, above 0, at most 1
 * @param prompts as many, that do not name the target
 * @param detector of the target
 * @param sampling sampler, steps, guidance, batch size
 * @param seed of the first image's noise
 */
@CheckReturnValue
public record CompletionShare(
    List<BufferedImage> originals,
    double start,
    List<String> prompts,
    ConceptDetector detector,
    SamplingSettings sampling,
    long seed)
    implements ModelMetric {

  /** Copies the lists and checks the values. */
  public CompletionShare {
    originals = List.copyOf(originals);
    prompts = List.copyOf(prompts);
    Objects.requireNonNull(detector, "detector");
    Objects.requireNonNull(sampling, "sampling");
    Preconditions.checkArgument(!originals.isEmpty(), "originals must not be empty");
    Preconditions.checkArgument(
        start > 0 && start <= 1, "start must be above 0 and at most 1, was %s", start);
    Preconditions.checkArgument(
        prompts.size() == originals.size(),
        "prompts: expected %s, as many as originals, were %s",
        originals.size(),
        prompts.size());
  }

  /** {@return what measured stopping watches} */
  public Attempt attempt() {
    return new Attempt(
        "finished from %s of the noise, %d images, seed %d"
            .formatted(start, originals.size(), seed),
        this);
  }

  @Override
  public double measure(DiffusionModel model) {
    List<BufferedImage> finished =
        LatentSampler.of(model)
            .settings(sampling)
            .imageToImage(originals, start)
            .draw(prompts, seed);
    return Arrays.stream(detector.shows(finished)).average().orElseThrow();
  }
}
