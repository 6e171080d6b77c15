package dev.ablation.attack;

import com.google.common.base.Preconditions;
import com.google.errorprone.annotations.CheckReturnValue;
import dev.ablation.delta.WeightDelta;
import dev.ablation.evaluation.AttackResult;
import dev.ablation.evaluation.Comparison;
import dev.ablation.evaluation.ConceptDetector;
import dev.ablation.evaluation.ImagePair;
import dev.ablation.evaluation.SubjectMetric;
import dev.ablation.metric.MetricResult;
import dev.ablation.model.Capabilities;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.LatentCodec;
import dev.ablation.sample.SamplingSettings;
import java.awt.image.BufferedImage;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.BooleanSupplier;
import java.util.stream.IntStream;

/**
 * How the images of an attack are drawn and counted; shared by all attacks on one target.
 *
 * {@snippet class="dev.ablation.EvaluationSnippets" region="attacks"}
 *
 * @param detector decides which images show the target
 * @param sampling sampler, steps, guidance, batch size
 * @param images number of images that each attack draws with each model, positive
 * @param seed seed of the first image, and of other random numbers of an attack
 */
@CheckReturnValue
public record AttackSettings(
    ConceptDetector detector, SamplingSettings sampling, int images, long seed) {
  /** The name of the metric in results. */
  public static final String RECOVERED = "target recovered";

  private static final int SHOWN = 6;

  /** Checks the values. */
  public AttackSettings {
    Objects.requireNonNull(detector, "detector");
    Objects.requireNonNull(sampling, "sampling");
    Preconditions.checkArgument(images > 0, "images must be positive, was %s", images);
  }

  /** One prompt per image, in turn. */
  List<String> inTurn(List<String> prompts) {
    return IntStream.range(0, images).mapToObj(i -> prompts.get(i % prompts.size())).toList();
  }

  void check(DiffusionModel model) {
    Capabilities.require(model, LatentCodec.class, "an attack");
  }

  /** Draws images with the current weights. */
  @FunctionalInterface
  interface Drawing {
    List<BufferedImage> draw(BooleanSupplier cancelled);
  }

  /** Draws with the base model and with the delta applied, and counts. */
  AttackResult compare(
      String family,
      String name,
      Map<String, String> settings,
      List<String> prompts,
      DiffusionModel model,
      WeightDelta delta,
      BooleanSupplier cancelled,
      Drawing drawing) {
    long begun = System.nanoTime();
    List<BufferedImage> base = drawing.draw(cancelled);
    List<BufferedImage> ablated = delta.applied(model, () -> drawing.draw(cancelled));
    List<ImagePair> shown = new ArrayList<>();
    for (int i = 0; i < Math.min(SHOWN, base.size()); i++) {
      shown.add(
          new ImagePair(prompts.get(i % prompts.size()), seed + i, base.get(i), ablated.get(i)));
    }
    Map<String, String> all = new LinkedHashMap<>(settings);
    all.put("sampler", sampling.sampler().name());
    all.put("steps", Integer.toString(sampling.steps()));
    all.put("guidance scale", sampling.guidanceText());
    all.put("seed", Long.toString(seed));
    return new AttackResult(
        family,
        name,
        all,
        new Comparison(recovered(base), recovered(ablated)),
        shown,
        Duration.ofNanos(System.nanoTime() - begun));
  }

  private MetricResult recovered(List<BufferedImage> drawn) {
    return SubjectMetric.shareOf(RECOVERED, detector, detector.extractor().extract(drawn));
  }
}
