package dev.ablation.evaluation;

import com.google.common.base.Preconditions;
import dev.ablation.model.DiffusionModel;
import dev.ablation.sample.LatentSampler;
import dev.ablation.sample.SamplingSettings;
import dev.ablation.train.Measurement;
import dev.ablation.train.MonitorDecision;
import dev.ablation.train.TrainingMonitor;
import dev.ablation.train.TrainingProgress;
import java.awt.image.BufferedImage;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.function.BooleanSupplier;

/**
 * Trains until the target is drawn as rarely as the anchor's prompts draw it, and no longer than
 * the neighbours stand it. Every few steps it draws a few images, always from the same seeds, and
 * has detectors count.
 *
 * {@snippet class="dev.ablation.EvaluationSnippets" region="measured-stopping"}
 *
 * <p>What is measured before the first step is the base model's: the level that the anchor's
 * prompts set, and how many neighbours are right at all. Afterwards a look is <em>sound</em> if at
 * least {@code bound} of these neighbours are still right. The result is the sound look that draws
 * the target least, of equal ones the latest; if no look is sound that draws it less than the base
 * model, it is the base model itself, a delta of zeros. Training stops
 *
 * <ul>
 *   <li>when {@code patience} sound looks in a row reached the anchor's level,
 *   <li>when {@code patience} looks in a row were not sound: more steps would only spoil more,
 *   <li>else after all steps.
 * </ul>
 *
 * <p>A falling loss tells none of this: where the teacher is the model under training it may fall
 * to nothing while every image turns white.
 *
 * @param target what was removed, with prompts that draw it
 * @param anchorPrompts prompts of the anchor, whose images set the level
 * @param neighbours what shall be kept, each with prompts of its own and a detector for what its
 *     images must show
 * @param sampling how images are drawn; few steps will do
 * @param seed of the first image of each list
 * @param everySteps at every which step it looks
 * @param tolerance added to the anchor's level, 0..1, since a share of few images is rough
 * @param bound the share of the neighbours that must still be right, 0..1
 * @param patience how many looks in a row decide
 */
public record ErasureEarlyStopping(
    Watched target,
    List<String> anchorPrompts,
    List<Watched> neighbours,
    SamplingSettings sampling,
    long seed,
    int everySteps,
    double tolerance,
    double bound,
    int patience)
    implements TrainingMonitor {

  /** Share of the target's images that show it. */
  public static final String TARGET = "target drawn";

  /** Share of the anchor's images that show the target, of the base model. */
  public static final String LEVEL = "anchor level";

  /** Of the neighbours that the base model draws right, the share that is still right. */
  public static final String KEPT = "neighbours kept";

  private static final String RIGHT = "neighbours right";

  /** Copies the lists and checks the values. */
  public ErasureEarlyStopping {
    Objects.requireNonNull(target, "target");
    Objects.requireNonNull(sampling, "sampling");
    anchorPrompts = List.copyOf(anchorPrompts);
    neighbours = List.copyOf(neighbours);
    Preconditions.checkArgument(!anchorPrompts.isEmpty(), "anchorPrompts must not be empty");
    Preconditions.checkArgument(
        !neighbours.isEmpty(),
        "neighbours must not be empty: without them nothing tells when training spoils the model");
    Preconditions.checkArgument(everySteps > 0, "everySteps must be positive, was %s", everySteps);
    checkShare("tolerance", tolerance);
    checkShare("bound", bound);
    Preconditions.checkArgument(patience > 0, "patience must be positive, was %s", patience);
  }

  private static void checkShare(String name, double value) {
    Preconditions.checkArgument(
        value >= 0 && value <= 1, "%s must be in [0, 1], was %s", name, value);
  }

  /**
   * Something that is looked for in the images of its prompts.
   *
   * @param prompts at least one, each drawn once a look
   * @param detector tells which images show it
   */
  public record Watched(List<String> prompts, ConceptDetector detector) {

    /** Copies the prompts. */
    public Watched {
      prompts = List.copyOf(prompts);
      Objects.requireNonNull(detector, "detector");
      Preconditions.checkArgument(
          !prompts.isEmpty(), "prompts of '%s' must not be empty", detector.name());
    }
  }

  /**
   * Begins with what suits a small number of images: looks at every 40th step, no tolerance, nine
   * of ten neighbours, two looks in a row.
   *
   * @param target what was removed, with prompts that draw it
   * @param anchorPrompts prompts of the anchor
   * @param neighbours what shall be kept
   * @param sampling how images are drawn
   * @return the monitor
   */
  public static ErasureEarlyStopping of(
      Watched target,
      List<String> anchorPrompts,
      List<Watched> neighbours,
      SamplingSettings sampling) {
    return new ErasureEarlyStopping(target, anchorPrompts, neighbours, sampling, 0, 40, 0, 0.9, 2);
  }

  /**
   * Changes how often it looks.
   *
   * @param steps at every which step, positive
   * @return a changed copy
   */
  public ErasureEarlyStopping every(int steps) {
    return new ErasureEarlyStopping(
        target, anchorPrompts, neighbours, sampling, seed, steps, tolerance, bound, patience);
  }

  /**
   * Changes the limits.
   *
   * @param tolerance added to the anchor's level, 0..1
   * @param bound the share of the neighbours that must still be right, 0..1
   * @param patience how many looks in a row decide, positive
   * @return a changed copy
   */
  public ErasureEarlyStopping limits(double tolerance, double bound, int patience) {
    return new ErasureEarlyStopping(
        target, anchorPrompts, neighbours, sampling, seed, everySteps, tolerance, bound, patience);
  }

  @Override
  public String name() {
    return "early stopping by measured erasure: %s of %d images at every %d steps until at most the anchor's level + %s, of %s at least %s, %d looks in a row, seed %d, %s %d steps, guidance %s"
        .formatted(
            target.detector().name(),
            target.prompts().size(),
            everySteps,
            tolerance,
            neighbours.stream().map(each -> each.detector().name()).toList(),
            bound,
            patience,
            seed,
            sampling.sampler().name(),
            sampling.steps(),
            sampling.guidanceText());
  }

  @Override
  public boolean measuresBaseline() {
    return true;
  }

  @Override
  public MonitorDecision look(TrainingProgress progress) {
    double drawn = share(progress, target.prompts(), target.detector());
    double right = 0;
    for (Watched neighbour : neighbours) {
      right += sum(progress, neighbour.prompts(), neighbour.detector());
    }
    MonitorDecision verdict = MonitorDecision.goOn().measured(TARGET, drawn);
    if (progress.step() == 0) {
      Preconditions.checkState(
          right > 0, "no neighbour is drawn right by the base model: there is nothing to keep");
      return verdict
          .measured(LEVEL, share(progress, anchorPrompts, target.detector()))
          .measured(RIGHT, right)
          .measured(KEPT, 1)
          .asBest();
    }
    double kept = right / progress.measured(RIGHT).get(0).value();
    return judge(progress, drawn, kept, verdict.measured(KEPT, kept));
  }

  private MonitorDecision judge(
      TrainingProgress progress, double drawn, double kept, MonitorDecision measured) {
    List<Measurement> targets = progress.measured(TARGET);
    List<Measurement> keptBefore = progress.measured(KEPT);
    double level = progress.measured(LEVEL).get(0).value() + tolerance;
    boolean sound = kept >= bound;
    double least = drawn;
    for (int i = 0; i < targets.size(); i++) {
      if (keptBefore.get(i).value() >= bound) {
        least = Math.min(least, targets.get(i).value());
      }
    }
    boolean lessThanBase = drawn < targets.get(0).value();
    MonitorDecision verdict =
        sound && lessThanBase && drawn <= least ? measured.asBest() : measured;
    int reached = sound && drawn <= level ? 1 : 0;
    int spoiled = sound ? 0 : 1;
    for (int i = targets.size() - 1; i > 0 && reached + spoiled > 0; i--) {
      boolean wasSound = keptBefore.get(i).value() >= bound;
      if (reached > 0 && wasSound && targets.get(i).value() <= level) {
        reached++;
      } else if (spoiled > 0 && !wasSound) {
        spoiled++;
      } else {
        break;
      }
    }
    if (reached >= patience) {
      return verdict.stopping(
          "the target is drawn as rarely as by the anchor: %.3f, level %.3f"
              .formatted(drawn, level));
    }
    if (spoiled >= patience) {
      return verdict.stopping(
          "neighbours fell below the bound: %.3f are right, bound %.3f".formatted(kept, bound));
    }
    return verdict;
  }

  private double share(TrainingProgress progress, List<String> prompts, ConceptDetector detector) {
    return sum(progress, prompts, detector) / prompts.size();
  }

  private double sum(TrainingProgress progress, List<String> prompts, ConceptDetector detector) {
    List<BufferedImage> images = draw(progress.model(), prompts, progress.cancelled());
    return Arrays.stream(DetectedShare.checked(detector, detector.extractor().extract(images)))
        .sum();
  }

  private List<BufferedImage> draw(
      DiffusionModel model, List<String> prompts, BooleanSupplier cancelled) {
    return LatentSampler.of(model).settings(sampling).cancellation(cancelled).draw(prompts, seed);
  }

  @Override
  public String toString() {
    return name();
  }
}
